"""The Latent tab: size and quality of a photo as a latent file, updated live."""

from __future__ import annotations

from pathlib import Path

from denoiser.atomicfile import whole_file
from denoiser.errors import DenoiserError, MissingModel
from denoiser.events import CancelToken
from denoiser_gui import qt
from denoiser_gui.controller import Controller
from denoiser_gui.model.captions import in_bytes, short_path
from denoiser_gui.model.latent import (
    DEFAULT_QUALITY,
    RIVALS,
    SUFFIX,
    LatentEncoder,
    LatentRequest,
    LatentResult,
    check_codec,
    sample_of,
)
from denoiser_gui.model.notices import Notice, message_of
from denoiser_gui.model.requests import ReplacementImage
from denoiser_gui.qt import Qt, Signal
from denoiser_gui.translation import tr
from denoiser_gui.view import theme
from denoiser_gui.view.widgets import (
    STRETCH,
    NumberBox,
    ValueSlider,
    button,
    column,
    label,
    row,
    segments,
    separator,
)
from denoiser_gui.worker import WorkerThread

_DELAY_MS = 60  # after a slider movement, before encoding
_PAN_DELAY_MS = 300  # after panning a large photo, before encoding
_NONE = "–"


class LatentPanel(qt.QWidget):
    """Works while visible, and restores the panes when hidden. GUI thread only."""

    _progress = Signal(float)  # while a whole photo is encoded

    def __init__(self, controller: Controller, model: str = "auto") -> None:
        super().__init__()
        self._controller, self._model = controller, model
        self._worker = controller.own(WorkerThread("latent", controller, niceness=2))
        self._encoder = LatentEncoder(model)
        self.result: LatentResult | None = None
        self._missing: DenoiserError | None = None
        self._was_shown = False
        self._timer = qt.QTimer(self, singleShot=True)
        self._timer.timeout.connect(self._encode)
        self.setProperty("role", "panel")
        self._build()
        self._connect()
        self._show_state()

    def set_quality(self, quality: float | None) -> None:
        """Encode at another quality; None for the default."""
        quality = DEFAULT_QUALITY if quality is None else quality
        self._slider.set_amount(quality)
        self._number.set_amount(quality)
        self._schedule()

    # --- widgets ---

    def _build(self) -> None:
        self._slider = ValueSlider(0.0, 100.0, handle=16, unit="%")
        self._slider.setAccessibleName(tr("Quality"))
        self._number = NumberBox(0.0, 100.0)
        self._number.setAccessibleName(tr("{control} in {unit}", control=tr("Quality"), unit="%"))
        self._slider.set_amount(DEFAULT_QUALITY)
        self._number.set_amount(DEFAULT_QUALITY)
        self._denoises = qt.QCheckBox(tr("Denoise before encoding"))
        text = tr("Denoise first, at the level set in the Denoise tab. The file becomes smaller.")
        self._denoises.setToolTip(text)
        self._savings = label(role="caption")
        self._state = label(role="second")
        self._state.setWordWrap(True)
        self._facts = {name: label(_NONE) for name in ("size", "bits", "psnr", "file")}
        self._rivals = segments(self._rival_buttons())
        self._rivals.setToolTip(tr("Compare with a JPEG or AVIF file of the same size"))
        self.save = button(tr("Save latent…"), "primary", pressed=self._ask_where)
        self.open = button(tr("Open latent…"), "quiet", pressed=self._ask_which)
        names = tr("Size"), tr("Bits per pixel"), tr("PSNR"), tr("Compared with source")
        facts = [_ends(label(name, "second"), fact) for name, fact in zip(names, self._facts.values(), strict=True)]
        content = column(
            _ends(label(tr("Quality"), "heading"), self._number),
            self._slider,
            _ends(label(tr("smallest file"), "caption"), label(tr("best quality"), "caption")),
            separator(),
            column(*facts, spacing=theme.UNIT),
            separator(),
            self._denoises,
            self._savings,
            separator(),
            label(tr("Compare with"), "heading"),
            self._rivals,
            STRETCH,
            self._state,
            self.save,
            self.open,
            margins=(20, 16, 20, 12),
            spacing=10,
        )
        self.setLayout(content)

    def _rival_buttons(self) -> list[qt.QPushButton]:
        self._group = qt.QButtonGroup(self)
        for number, name in enumerate(("", *RIVALS)):
            choice = qt.QPushButton(name or tr("Photo"))
            choice.setCheckable(True)
            choice.setChecked(number == 0)
            text = tr("{format} file of the same size", format=name) if name else tr("Source photo")
            choice.setAccessibleName(text)
            choice.setToolTip(text)
            self._group.addButton(choice, number)
        return [choice for choice in self._group.buttons() if isinstance(choice, qt.QPushButton)]

    def _connect(self) -> None:
        controller = self._controller
        self._slider.moved.connect(self.set_quality)
        self._slider.reset.connect(lambda: self.set_quality(None))
        self._number.entered.connect(self.set_quality)
        self._denoises.toggled.connect(self._schedule)
        self._group.idClicked.connect(self._schedule)
        self._progress.connect(self._show_progress, Qt.ConnectionType.QueuedConnection)
        controller.viewer.viewport_changed.connect(self._note_viewport)
        controller.photo_loaded.connect(self._begin)
        controller.current_changed.connect(self._begin)
        controller.settings_changed.connect(lambda _: self._schedule() if self._denoises.isChecked() else None)

    # --- visibility ---

    def showEvent(self, event: qt.QShowEvent) -> None:
        super().showEvent(event)
        if not self._was_shown:
            self._was_shown = True
            self._worker.submit("check", lambda _: check_codec(self._model), self._set_missing, self._set_missing)
        self._begin()

    def hideEvent(self, event: qt.QHideEvent) -> None:
        super().hideEvent(event)
        self._timer.stop()
        self._worker.cancel("encode")
        self._controller.viewer.show_instead(None, None)

    # --- actions ---

    def _begin(self, *_: object) -> None:
        """Discard the result of another photo."""
        if self.result is not None:
            self.result = None
            if self.isVisible():
                self._controller.viewer.show_instead(None, None)
        self._schedule()

    def _note_viewport(self, _viewport: object) -> None:
        """Encode again after the visible part of a large photo changed."""
        request = self._request()
        if self.result is not None and request is not None and request.region != self.result.request.region:
            self._timer.start(_PAN_DELAY_MS)
            self._show_state()

    def _schedule(self, *_: object) -> None:
        if self.isVisible() and self._request() is not None and not self._timer.isActive():
            self._timer.start(_DELAY_MS)
        self._show_state()

    def _request(self) -> LatentRequest | None:
        pyramid = self._controller.current_pyramid
        if pyramid is None or self._missing is not None:
            return None
        level = self._controller.settings.denoise.noise_level if self._denoises.isChecked() else 0.0
        rival = ("", *RIVALS)[max(0, self._group.checkedId())]
        viewport = self._controller.viewer.viewport
        seen = viewport.visible if viewport is not None else pyramid.whole
        region = sample_of(seen, pyramid.image.height, pyramid.image.width)
        return LatentRequest(pyramid.image, self._slider.amount, level, rival, region)

    def _encode(self) -> None:
        request = self._request()
        if request is not None and self.isVisible():
            self._state.setText(tr("Encoding…"))
            job = lambda cancel: self._encoder.encode(request, cancel)  # noqa: E731
            self._worker.submit("encode", job, self._take_result, self._take_failure)

    def _take_result(self, result: LatentResult) -> None:
        pyramid = self._controller.current_pyramid
        if pyramid is None or pyramid.image is not result.request.image or not self.isVisible():
            return
        self.result = result
        left = None
        if result.rival is not None:
            size = _size(result, result.rival.bytes)
            text = tr("{format} · {size}", format=result.request.rival, size=size)
            left = ReplacementImage(text, result.rival.image)
        right = ReplacementImage(tr("Latent · {size}", size=_size(result, len(result.data))), result.image)
        self._controller.viewer.show_instead(left, right)
        self._show_state()

    def _take_failure(self, error: DenoiserError) -> None:
        self.result = None
        if isinstance(error, MissingModel):
            self._missing = error
        self._show_state()
        if self._missing is None:
            self._state.setText(message_of(error))

    def _set_missing(self, missing: DenoiserError | None) -> None:
        self._missing = missing
        self._schedule()

    def _ask_where(self) -> None:
        photo = self._controller.current
        if photo is None or self.result is None:
            return
        folder = self._controller.preferences.save_folder or (photo.path.parent if photo.path else Path.home())
        dialog = qt.QFileDialog(self, tr("Save as"), str(Path(folder) / (Path(photo.name).stem + SUFFIX)))
        dialog.setAcceptMode(qt.QFileDialog.AcceptMode.AcceptSave)
        dialog.setDefaultSuffix(SUFFIX.removeprefix("."))
        dialog.fileSelected.connect(lambda name: self.save_to(Path(name)))
        _open_filtered(dialog)

    def save_to(self, path: Path) -> None:
        """Write the shown file, or encode the whole photo if a sample is shown. Atomic."""
        if self.result is None:
            return
        result, encoder, progress = self.result, self._encoder, self._progress.emit

        def job(cancel: CancelToken) -> int:
            data = encoder.whole(result.request, progress, cancel) if result.is_sample else result.data
            with whole_file(path) as file:
                file.write(data)
            return len(data)

        def done(size: int) -> None:
            text = tr("Saved as {path}.", path=short_path(path))
            self._controller.notify(Notice("latent", text, in_bytes(size)))

        self._worker.submit("save", job, done, self._controller.notice_of("latent"))

    def _ask_which(self) -> None:
        dialog = qt.QFileDialog(self, tr("Open latent"), self._controller.preferences.open_folder)
        dialog.setFileMode(qt.QFileDialog.FileMode.ExistingFiles)
        dialog.filesSelected.connect(lambda names: self._controller.open([Path(name) for name in names]))
        _open_filtered(dialog)

    # --- display ---

    def _show_progress(self, share: float) -> None:
        self._state.setText(tr("Encoding, {share} %", share=round(100 * share)))

    @property
    def is_current(self) -> bool:
        """Whether the result has the current photo and options."""
        return self.result is not None and self.result.request.gives_same(self._request())

    def _show_state(self) -> None:
        result, request = self.result, self._request()
        for widget in (self._slider, self._number, self._denoises, self._rivals):
            widget.setEnabled(request is not None)
        self.save.setEnabled(result is not None)
        self._show_facts(result)
        if self._missing is not None:
            self._state.setText(tr("The codec weights are missing. Photos can be denoised, but not encoded."))
        elif request is None:
            self._state.setText(tr("Open a photo to preview it as a latent file."))
        elif result is not None:
            sample = tr("Estimated from the visible part. The whole photo is saved.") if result.is_sample else ""
            self._state.setText(result.rival_problem or sample)

    def _show_facts(self, result: LatentResult | None) -> None:
        texts, savings = dict.fromkeys(self._facts, _NONE), ""
        if result is not None:
            size = result.of_whole(len(result.data))
            texts["size"] = _size(result, len(result.data))
            texts["bits"] = f"{result.bits_per_pixel:.2f}"
            if result.psnr is not None:
                texts["psnr"] = tr("{psnr} dB", psnr=f"{result.psnr:.1f}")
            pyramid = self._controller.current_pyramid
            if pyramid is not None and pyramid.bytes_in_file:
                times = pyramid.bytes_in_file / size
                texts["file"] = tr("{times} times smaller", times=f"{times:.1f}") if times >= 1 else tr("larger")
            if (noisy := result.of_whole(result.noisy_bytes)) > size:
                share = round(100 * (1 - size / noisy))
                savings = tr("Denoising saves {size} ({share} %)", size=in_bytes(noisy - size), share=share)
        self._savings.setText(savings)
        for name, fact in self._facts.items():
            fact.setText(texts[name])
        for each in (self._savings, *self._facts.values()):
            each.setEnabled(self.is_current)  # grey until the figures belong to what is chosen


def _size(result: LatentResult, count: int) -> str:
    """Size text, extrapolated to the whole photo."""
    size = in_bytes(result.of_whole(count))
    return tr("about {size}", size=size) if result.is_sample else size


def _open_filtered(dialog: qt.QFileDialog) -> None:
    dialog.setNameFilter(f"{tr('Latent files')} (*{SUFFIX})")
    dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    dialog.open()


def _ends(left: qt.QWidget, right: qt.QWidget) -> qt.QHBoxLayout:
    return row(left, STRETCH, right)
