from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from denoiser import errors
from denoiser.options import DenoiseOptions, WriteOptions, controls
from denoiser_gui import translation
from denoiser_gui.model import batch_run, notices
from denoiser_gui.translation import catalogue_of, set_language, system_language, tr, tr_count

_GUI = Path(translation.__file__).parent
_OWN_HINTS = (
    "Replace it or choose another name.",
    "Choose another name or folder.",
)  # in model/saving.py
_FIELD = re.compile(r"{(\w+)}")


@pytest.fixture(autouse=True)
def _english_again() -> Iterator[None]:
    yield
    set_language("en")


def _calls() -> Iterator[tuple[str, ast.Call]]:
    for file in sorted(_GUI.rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.Call):
                yield f"{file.relative_to(_GUI)}:{node.lineno}", node


def _translated_texts() -> dict[str, str]:
    """Every text passed to `tr`, with one location."""
    found = {}
    for place, call in _calls():
        if isinstance(call.func, ast.Name) and call.func.id in ("tr", "tr_count"):
            for text in call.args[: 2 if call.func.id == "tr_count" else 1]:
                if isinstance(text, ast.Constant):
                    found[str(text.value)] = place
    return found


def _of_tables() -> set[str]:
    """Texts from tables: names and help of options, hints, summaries of errors."""
    options = {**controls(DenoiseOptions), **controls(WriteOptions)}
    names = {name.replace("_", " ").capitalize() for name in controls(DenoiseOptions)}
    kinds = [
        kind for _, kind in inspect.getmembers(errors, inspect.isclass) if issubclass(kind, errors.DenoiserError)
    ]
    own_hints = tuple(notices.HINTS)
    defaults = {kind.default_hint for kind in kinds if not issubclass(kind, own_hints) and kind.default_hint}
    return (
        names
        | {control.help for control in options.values()}
        | defaults
        | {
            hint
            for hint in (*notices.HINTS.values(), *notices.SUMMARIES.values(), batch_run.FILE_GONE, *_OWN_HINTS)
            if hint
        }
    )


def test_texts_are_translated() -> None:
    assert set_language("zh") == "zh"
    assert tr("Save") == "保存"
    assert tr("Output: {folder}", folder="/a/{b}") == "输出到 /a/{b}"
    assert tr("an untranslated text") == "an untranslated text"
    assert set_language("en") == "en" and tr("Save") == "Save"


def test_singular_and_plural() -> None:
    assert tr_count("Close photo", "Close {count} photos", 1) == "Close photo"
    assert tr_count("Close photo", "Close {count} photos", 3) == "Close 3 photos"


@pytest.mark.parametrize(
    ("environment", "language"),
    [
        ({"LANG": "zh_CN.UTF-8"}, "zh"),
        ({"LC_ALL": "zh-TW", "LANG": "en_US"}, "zh"),
        ({"LC_ALL": "", "LC_MESSAGES": "en_GB.UTF-8", "LANG": "zh_CN"}, "en"),
        ({"LANG": "de_DE.UTF-8"}, "en"),
        ({"LANG": "C"}, "en"),
    ],
)
def test_the_language_of_the_environment(environment: dict[str, str], language: str) -> None:
    assert system_language(environment) == language


@pytest.mark.parametrize(
    ("name", "language"), [("Chinese (Simplified)_China", "zh"), ("zh_CN", "zh"), (None, "en")]
)
def test_the_language_of_the_locale(name: str | None, language: str) -> None:
    name = name.replace(" (Simplified)", "") if name else None
    assert system_language({}, lambda: name) == language


def test_chinese_is_complete_and_has_no_unused_texts() -> None:
    chinese = catalogue_of("zh")
    texts = _translated_texts()
    assert len(texts) > 150
    missing = {text: place for text, place in texts.items() if text not in chinese}
    missing |= dict.fromkeys(_of_tables() - set(chinese), "a table of options, or of hints")
    assert not missing, f"add these to resources/zh.json: {missing}"
    stale = set(chinese) - set(texts) - _of_tables()
    assert not stale, f"unused texts: {stale}"


def test_chinese_has_the_same_placeholders() -> None:
    wrong = {
        english: chinese for english, chinese in catalogue_of("zh").items()
        if set(_FIELD.findall(english)) != set(_FIELD.findall(chinese)) or not chinese.strip()
    }  # fmt: skip
    assert not wrong


# What puts words before people's eyes, or into their ears.
_SHOWING = {
    *(
        "setText",
        "setToolTip",
        "setWindowTitle",
        "setPlaceholderText",
        "setAccessibleName",
        "setTitle",
        "addAction",
    ),
    *("setAccessibleDescription", "setStatusTip", "addItem", "addTab", "setTabText", "setLabelText", "drawText"),
    *(
        "setNameFilter",
        "addRow",
        "setInformativeText",
        "setSuffix",
        "setPrefix",
        "Notice",
        "QLabel",
        "QAction",
    ),
    *(
        "QPushButton",
        "QCheckBox",
        "QMenu",
        "QFileDialog",
        "ElidedLabel",
        "addMenu",
        "show_text",
        "ReplacementImage",
        "QToolButton",
    ),
    *(
        "label",
        "button",
        "tool_button",
        "set_label",
        "set_text",
        "plain_combo",
    ),
}
_NAMES = {"denoise", "denoise-gui"}  # the same in all languages


def test_all_texts_go_through_tr() -> None:
    bypassing = []
    for place, call in _calls():
        name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
        if name not in _SHOWING:
            continue
        for argument in [
            *call.args,
            *(keyword.value for keyword in call.keywords if keyword.arg in ("action", "text")),
        ]:
            bypassing += [f"{place} {text!r}" for text in _bare_texts(argument)]
    assert not bypassing, f"hand these to tr(): {bypassing}"


def _bare_texts(node: ast.AST) -> Iterator[str]:
    """Untranslated texts in a value; keys of notices have no spaces or capitals."""
    if isinstance(node, ast.Call):
        return
    if isinstance(node, ast.Constant):
        text = node.value
        if isinstance(text, str) and re.search(r"[A-Z][a-z]|[a-z] [a-z]", text) and text not in _NAMES:
            yield text
        return
    if isinstance(
        node, ast.JoinedStr | ast.BinOp | ast.IfExp | ast.BoolOp | ast.FormattedValue | ast.Tuple | ast.List
    ):
        for child in ast.iter_child_nodes(node):
            yield from _bare_texts(child)
