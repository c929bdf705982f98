"""Completion for bash, zsh and fish from the command line's own flags; `generate_cli.py` writes the scripts.

They are plain tables: a TAB starts no Python, and works where the program itself is broken.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import click

from denoiser_cli.app import program
from denoiser_cli.commands import DEFAULT_VERB, VERBS

_HEAD = "# Completion of `denoise` for {shell}. Made by `python docs/generate_cli.py`; do not edit by hand.\n"
_FILE_WORDS = {"FILE", "PATH", "PATHS", "[PATHS]", "SOURCE", "NOISY", "CLEAN"}
_FOLDER_WORDS = {"DIR", "FOLDER"}
# Their values are names, or files besides; which weights are installed is not known here.
_NAMES = {"--model": ("auto", "fast", "best"), "--from": ("fast", "best"), "--teacher": ("fast", "best")}
_FILES, _FOLDERS, _ANYTHING = "files", "folders", "anything"


@dataclass(frozen=True)
class Option:
    """A flag or an argument: its names, its help, and what may follow."""

    names: tuple[str, ...]
    help: str = ""
    takes: str = ""  # nothing, files, folders or anything
    choices: tuple[str, ...] = ()
    often: bool = False

    @property
    def has_value(self) -> bool:
        return bool(self.takes or self.choices)


def scripts() -> dict[str, str]:
    """The script for each shell."""
    verbs = {verb: (_flags(verb), _argument(verb)) for verb in VERBS}
    makers: dict[str, Callable[[_Verbs], str]] = {"bash": _bash, "zsh": _zsh, "fish": _fish}
    return {shell: make(verbs) for shell, make in makers.items()}


_Verbs = dict[str, tuple[Sequence[Option], Option]]


def _command(verb: str) -> click.Command:
    command = program.get_command(click.Context(program), verb)
    assert command is not None
    return command


def _flags(verb: str) -> list[Option]:
    found = []
    for flag in _command(verb).params:
        if not isinstance(flag, click.Option):
            continue
        text = re.sub(r"\s*\[.*", "", flag.help or "", flags=re.DOTALL)
        if flag.is_flag:
            found += [Option(tuple(flag.opts), text)]
            found += [Option((name,), f"The opposite of {flag.opts[0]}.") for name in flag.secondary_opts]
        else:
            takes, choices = _value(flag)
            found.append(Option(tuple(flag.opts), text, takes, choices, flag.multiple))
    return [*found, Option(("-h", "--help"), "Show the help of this verb.")]


def _argument(verb: str) -> Option:
    """What stands without a flag; the first argument speaks for all."""
    for argument in _command(verb).params:
        if isinstance(argument, click.Argument):
            takes, choices = _value(argument)
            return Option((argument.name or "",), "", takes, choices)
    return Option(("nothing",))


def _value(parameter: click.Parameter) -> tuple[str, tuple[str, ...]]:
    if isinstance(parameter.type, click.Choice):
        return "", tuple(str(choice) for choice in parameter.type.choices)
    word = parameter.metavar or ""
    if word in _FOLDER_WORDS:
        return _FOLDERS, ()
    if word in _FILE_WORDS:
        return _FILES, ()
    names = _NAMES.get(parameter.opts[0], ())
    return (_FILES, names) if names or word == "NAME" else (_ANYTHING, ())


# --- bash ---------------------------------------------------------------------------------------------------

_BASH = """\
_denoise() {{
    local word=${{COMP_WORDS[COMP_CWORD]}} before=${{COMP_WORDS[COMP_CWORD - 1]}}
    local verb={default} flags values= takes= IFS=$' \t\n'
    COMPREPLY=()
    if [[ $word == = ]]; then
        word=
    elif [[ $before == = ]]; then
        before=${{COMP_WORDS[COMP_CWORD - 2]}}
    fi
    if ((COMP_CWORD > 1)); then
        case ${{COMP_WORDS[1]}} in
            {verbs}) verb=${{COMP_WORDS[1]}} ;;
        esac
    fi
    case $verb in
{cases}
    esac
    if [[ -z $values$takes ]]; then
        if [[ $word == -* ]]; then
            values=$flags takes=anything
        elif ((COMP_CWORD == 1)); then
            values="{verb_words}" takes=files
        else
            case $verb in
{arguments}
            esac
        fi
    fi
    [[ -n $values ]] && COMPREPLY=($(compgen -W "$values" -- "$word"))
    ((${{#COMPREPLY[@]}})) && return
    case $takes in
        files) ;;
        folders) compopt +o default -o dirnames ;;
        *) compopt +o default ;;
    esac 2>/dev/null
}}
complete -o default -F _denoise denoise
"""


def _bash(verbs: _Verbs) -> str:
    cases, arguments = [], []
    for verb, (flags, argument) in verbs.items():
        cases += [f"        {verb})", f'            flags="{" ".join(name for f in flags for name in f.names)}"']
        groups: dict[str, list[str]] = {}
        for flag in flags:
            if flag.has_value:
                groups.setdefault(_bash_words(flag), []).extend(flag.names)
        if groups:
            cases += ["            case $before in"]
            cases += [f"                {' | '.join(names)}) {words} ;;" for words, names in groups.items()]
            cases += ["            esac"]
        cases += ["            ;;"]
        if argument.has_value:
            arguments.append(f"                {verb}) {_bash_words(argument)} ;;")
    body = _BASH.format(
        default=DEFAULT_VERB,
        verbs=" | ".join(verbs),
        verb_words=" ".join(verbs),
        cases="\n".join(cases),
        arguments="\n".join(arguments),
    )
    return _HEAD.format(shell="bash") + body


def _bash_words(option: Option) -> str:
    values = f'values="{" ".join(option.choices)}" ' if option.choices else ""
    return f"{values}takes={option.takes or _ANYTHING}"


# --- zsh ----------------------------------------------------------------------------------------------------

_ZSH = """\
#compdef denoise
{head}
_denoise() {{
  local verb={default}
  local -a verbs
  verbs=(
{verbs}
  )
  if (( CURRENT == 2 )) && [[ $PREFIX != -* ]]; then
    _describe -t verbs verb verbs
    _files
    return
  fi
  case $words[2] in
    ({names}) verb=$words[2]; shift words; (( CURRENT-- )) ;;
  esac
  case $verb in
{cases}
  esac
}}

_denoise "$@"
"""
_ZSH_TAKES = {_FILES: "_files", _FOLDERS: "_files -/", _ANYTHING: " "}


def _zsh(verbs: _Verbs) -> str:
    cases = []
    for verb, (flags, argument) in verbs.items():
        specs = [spec for flag in flags for spec in _zsh_flag(flag)]
        if argument.has_value:
            specs.append(_quoted(f"*:{argument.names[0]}:{_zsh_action(argument)}"))
        cases += [f"    ({verb}) _arguments -s \\", *(f"        {spec} \\" for spec in specs)]
        cases[-1] = cases[-1].removesuffix(" \\") + " ;;"
    return _ZSH.format(
        head=_HEAD.format(shell="zsh"),
        default=DEFAULT_VERB,
        verbs="\n".join(f"    {_quoted(f'{verb}:{_zsh_text(VERBS[verb])}')}" for verb in verbs),
        names="|".join(verbs),
        cases="\n".join(cases),
    )


def _zsh_flag(flag: Option) -> Iterator[str]:
    others = f"({' '.join(flag.names)})" if len(flag.names) > 1 else ""
    value = f":value:{_zsh_action(flag)}" if flag.has_value else ""
    for name in flag.names:
        sign = "=" if flag.has_value and name.startswith("--") else ""
        yield _quoted(f"{'*' if flag.often else others}{name}{sign}[{_zsh_text(flag.help)}]{value}")


def _zsh_action(option: Option) -> str:
    if option.choices and option.takes:
        return f"{{ compadd -- {' '.join(option.choices)}; {_ZSH_TAKES[option.takes]} }}"
    return f"({' '.join(option.choices)})" if option.choices else _ZSH_TAKES[option.takes]


def _zsh_text(text: str) -> str:
    return re.sub(r"([\\:\[\]])", r"\\\1", text)


# --- fish ---------------------------------------------------------------------------------------------------

_FISH = """\
{head}
function __denoise_first
    test (count (commandline -opc)) -eq 1
end

function __denoise_verb
    set -l words (commandline -opc)
    set -l verb {default}
    if set -q words[2]; and contains -- $words[2] {names}
        set verb $words[2]
    end
    contains -- $verb $argv
end

{lines}
"""
_FISH_TAKES = {_FILES: "-r -F", _FOLDERS: "-x -a '(__fish_complete_directories)'", _ANYTHING: "-x"}


def _fish(verbs: _Verbs) -> str:
    lines = [f"complete -c denoise -n __denoise_first -a {verb} -d {_quoted(VERBS[verb])}" for verb in verbs]
    for verb, (flags, argument) in verbs.items():
        given = f"complete -c denoise -n '__denoise_verb {verb}'"
        lines += [f"{given} {_fish_flag(flag)}" for flag in flags]
        if argument.choices:
            lines.append(f"{given} -f -a {_quoted(' '.join(argument.choices))}")
        elif argument.takes == _FOLDERS:
            lines.append(f"{given} -f -a '(__fish_complete_directories)'")
    head = _HEAD.format(shell="fish")
    return _FISH.format(head=head, default=DEFAULT_VERB, names=" ".join(verbs), lines="\n".join(lines))


def _fish_flag(flag: Option) -> str:
    names = " ".join(f"-l {name[2:]}" if name.startswith("--") else f"-s {name[1:]}" for name in flag.names)
    if flag.choices:
        value = f" {'-r -F' if flag.takes else '-x'} -a {_quoted(' '.join(flag.choices))}"
    else:
        value = f" {_FISH_TAKES[flag.takes]}" if flag.takes else ""
    return f"{names}{value} -d {_quoted(flag.help)}"


def _quoted(text: str) -> str:
    """In single quotes, for zsh and fish alike."""
    return "'" + text.replace("'", r"'\''") + "'"
