"""The Latent tab: size and quality of a photo as a latent file, updated live."""

from __future__ import annotations

from pathlib import Path

from denoiser.atomicfile import whole_file
from denoiser.errors import DenoiserError, MissingModel
from denoiser.events import CancelToken
from denoiser_gui.controller import Controller
from denoiser_gui.model import captions
from denoiser_gui.model.captions import in_bytes
from denoiser_gui.model.latent import (
    DEFAULT_QUALITY,
    RIVALS,
    SUFFIX,
    LatentRequest,
    LatentResult,
    LatentWork,
    sample_of,
    why_not,
)
from denoiser_gui.model.notices import Notice, failure, message_of
from denoiser_gui.model.requests import ReplacementImage
from denoiser_gui.qt import (
    QButtonGroup,
    QCheckBox,
    QFileDialog,
    QFormLayout,
    QFrame,
    QHBoxLayout,
    QHideEvent,
    QLabel,
    QPushButton,
    QShowEvent,
    Qt,
    QTimer,
    QVBoxLayout,
    QWidget,
    Signal,
)
from denoiser_gui.view import theme
from denoiser_gui.view.sliders import ValueSlider
from denoiser_gui.view.widgets import NumberField, separator
from denoiser_gui.words import tr
from denoiser_gui.worker import WorkerThread

_REST_MS = 60  # delay after a slider movement before encoding
_LOOK_MS = 300  # delay after panning a large photo before encoding
_RATE, _SAVE, _LOOK = "rate", "save", "look"
_NOTHING = "–"


class LatentPanel(QWidget):
    """Works while visible, and restores the panes when hidden. GUI thread only."""

    _progress = Signal(float)  # while a whole photo is encoded

    def __init__(self, controller: Controller, model: str = "auto", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._controller, self._model = controller, model
        self._worker = controller.own(WorkerThread("latent", controller, niceness=2))
        self._work = LatentWork(model)
        self._rated: LatentResult | None = None
        self._missing: DenoiserError | None = None
        self._is_looked_for = False
        self._rest = QTimer(self)
        self._rest.setSingleShot(True)
        self._rest.timeout.connect(self._rate)
        self.setProperty("role", "panel")
        self._build()
        self._listen()
        self._show_state()

    @property
    def rated(self) -> LatentResult | None:
        """The current result; None if there is none."""
        return self._rated

    def set_quality(self, quality: float) -> None:
        """Encode at another quality."""
        self._slider.set_amount(quality)
        self._number.set_value(quality)
        self._ask()

    # --- widgets ---

    def _build(self) -> None:
        self._slider = ValueSlider(0.0, 100.0)
        self._slider.setAccessibleName(tr("Quality"))
        self._number = NumberField(0.0, 100.0)
        self._number.setAccessibleName(tr("{control} value", control=tr("Quality")))
        self._number.setFixedWidth(64)
        self._slider.set_amount(DEFAULT_QUALITY)
        self._number.set_value(DEFAULT_QUALITY)
        self._cleans = QCheckBox(tr("Denoise while encoding"), self)
        self._cleans.setToolTip(tr("Denoise first, at the level set in the Denoise tab. The file becomes smaller."))
        self._cleans.setAccessibleName(tr("Denoise while encoding"))
        self._saved = QLabel(self)
        self._saved.setProperty("role", "caption")
        self._state = QLabel(self)
        self._state.setProperty("role", "second")
        self._state.setWordWrap(True)
        self._facts = {name: _value(self) for name in ("size", "bits", "psnr", "file")}
        self._rivals = self._segments()
        self.save = QPushButton(tr("Save latent…"), self)
        self.save.setProperty("role", "primary")
        self.open = QPushButton(tr("Open latent…"), self)
        self.open.setProperty("role", "quiet")
        for button in (self.save, self.open):
            button.setAccessibleName(button.text().rstrip("…"))
        self._lay_out()

    def _lay_out(self) -> None:
        heading = QLabel(tr("Quality"), self)
        heading.setProperty("role", "heading")
        top = QHBoxLayout()
        top.addWidget(heading)
        top.addStretch()
        top.addWidget(self._number)
        facts = QFormLayout()
        facts.setVerticalSpacing(theme.UNIT)
        words = {
            "size": tr("Size"),
            "bits": tr("Bits per pixel"),
            "psnr": tr("PSNR"),
            "file": tr("Compared with source"),
        }
        for name, said in words.items():
            label = QLabel(said, self)
            label.setProperty("role", "second")
            facts.addRow(label, self._facts[name])
        beside = QLabel(tr("Compare with"), self)
        beside.setProperty("role", "heading")
        column = QVBoxLayout(self)
        column.setContentsMargins(20, 16, 20, 12)
        column.setSpacing(10)
        column.addLayout(top)
        column.addWidget(self._slider)
        column.addLayout(_ends(self, tr("smallest file"), tr("best quality")))
        column.addWidget(separator(self))
        column.addLayout(facts)
        column.addWidget(separator(self))
        column.addWidget(self._cleans)
        column.addWidget(self._saved)
        column.addWidget(separator(self))
        column.addWidget(beside)
        column.addWidget(self._rivals)
        column.addStretch()
        column.addWidget(self._state)
        column.addWidget(self.save)
        column.addWidget(self.open)

    def _segments(self) -> QFrame:
        frame = QFrame(self)
        frame.setProperty("role", "segments")
        frame.setToolTip(tr("Compare with a JPEG or AVIF file of the same size"))
        row = QHBoxLayout(frame)
        row.setContentsMargins(2, 2, 2, 2)
        row.setSpacing(2)
        self._group = QButtonGroup(self)
        for number, name in enumerate(("", *RIVALS)):
            button = QPushButton(name or tr("Photo"), frame)
            button.setProperty("role", "segment")
            button.setCheckable(True)
            button.setChecked(number == 0)
            words = tr("{format} file of the same size", format=name) if name else tr("Source photo")
            button.setAccessibleName(words)
            button.setToolTip(words)
            self._group.addButton(button, number)
            row.addWidget(button, 1)
        return frame

    def _listen(self) -> None:
        self._slider.moved.connect(self._move)
        self._slider.reset.connect(lambda: self.set_quality(DEFAULT_QUALITY))
        self._number.entered.connect(lambda value: self.set_quality(DEFAULT_QUALITY if value is None else value))
        self._cleans.toggled.connect(self._ask)
        self._group.idClicked.connect(self._ask)
        self.save.clicked.connect(self._ask_where)
        self.open.clicked.connect(self._ask_which)
        self._progress.connect(self._show_saving, Qt.ConnectionType.QueuedConnection)
        self._controller.viewer.viewport_changed.connect(self._look_elsewhere)
        self._controller.picture_ready.connect(self._begin)
        self._controller.current_changed.connect(self._begin)
        self._controller.settings_changed.connect(
            lambda _settings: self._ask() if self._cleans.isChecked() else None
        )

    # --- visibility ---

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        if not self._is_looked_for:
            self._is_looked_for = True
            # the result is an error object, hence the same callback
            self._worker.submit(_LOOK, lambda _cancel: why_not(self._model), self._take_look, self._take_look)
        self._begin()

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        self._rest.stop()
        self._worker.cancel(_RATE)
        self._controller.show_instead(None, None)

    # --- actions ---

    def _begin(self, *_: object) -> None:
        """Discard the result of another photo."""
        if self._rated is not None:
            self._rated = None
            if self.isVisible():
                self._controller.show_instead(None, None)
        self._ask()

    def _look_elsewhere(self, _viewport: object) -> None:
        """Encode again after the visible part of a large photo changed."""
        request = self._request()
        if self._rated is not None and request is not None and request.area != self._rated.request.area:
            self._rest.start(_LOOK_MS)

    def _move(self, quality: float) -> None:
        self._number.set_value(quality)
        self._ask()

    def _ask(self, *_: object) -> None:
        if self.isVisible() and self._request() is not None and not self._rest.isActive():
            self._rest.start(_REST_MS)
        self._show_state()

    def _request(self) -> LatentRequest | None:
        photo = self._controller.current
        picture = self._controller.picture(photo.key) if photo else None
        if picture is None or self._missing is not None:
            return None
        level = self._controller.settings.denoise.noise_level if self._cleans.isChecked() else 0.0
        rival = ("", *RIVALS)[max(0, self._group.checkedId())]
        viewport = self._controller.viewer.viewport
        seen = viewport.visible if viewport is not None else picture.whole
        area = sample_of(seen, picture.image.height, picture.image.width)
        return LatentRequest(picture.image, self._slider.amount, level, rival, area)

    def _rate(self) -> None:
        request = self._request()
        if request is None or not self.isVisible():
            return
        self._state.setText(tr("Encoding…"))
        self._worker.submit(
            _RATE, lambda cancel: self._work.rate(request, cancel), self._take_result, self._take_failure
        )

    def _take_result(self, rated: LatentResult) -> None:
        photo = self._controller.current
        picture = self._controller.picture(photo.key) if photo else None
        if picture is None or picture.image is not rated.request.image or not self.isVisible():
            return
        self._rated = rated
        self._show_panes(rated)
        self._show_state()

    def _take_failure(self, error: DenoiserError) -> None:
        self._rated = None
        if isinstance(error, MissingModel):
            self._missing = error
        self._show_state()
        if self._missing is None:
            self._state.setText(message_of(error))

    def _take_look(self, missing: DenoiserError | None) -> None:
        self._missing = missing
        self._ask()

    def _ask_where(self) -> None:
        photo = self._controller.current
        if photo is None or self._rated is None:
            return
        folder = Path(
            self._controller.preferences.save_folder or (photo.path.parent if photo.path else Path.home())
        )
        dialog = QFileDialog(self, tr("Save as"), str(folder / (Path(photo.name).stem + SUFFIX)))
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        dialog.setNameFilter(_name_filter())
        dialog.setDefaultSuffix(SUFFIX.removeprefix("."))
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.fileSelected.connect(lambda name: self.save_to(Path(name)))
        dialog.open()

    def save_to(self, path: Path) -> None:
        """Write the shown file, or encode the whole photo if a sample is shown. Atomic."""
        if self._rated is None:
            return
        rated, work, progress = self._rated, self._work, self._progress.emit

        def job(cancel: CancelToken) -> Path:
            return _write(path, work.whole(rated.request, progress, cancel) if rated.is_sample else rated.data)

        self._worker.submit(_SAVE, job, self._notify_saved, self._notify_failed)

    def _ask_which(self) -> None:
        dialog = QFileDialog(self, tr("Open latent"), self._controller.preferences.open_folder)
        dialog.setFileMode(QFileDialog.FileMode.ExistingFiles)
        dialog.setNameFilter(_name_filter())
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.filesSelected.connect(lambda names: self._controller.open([Path(name) for name in names]))
        dialog.open()

    def _show_saving(self, share: float) -> None:
        self._state.setText(tr("Encoding, {share} %", share=round(100 * share)))

    def _notify_saved(self, path: Path) -> None:
        words = tr("Saved as {path}.", path=captions.short_path(path))
        self._controller.notify(Notice("latent", words, in_bytes(path.stat().st_size)))

    def _notify_failed(self, error: DenoiserError) -> None:
        self._controller.notify(failure("latent", error))

    # --- display ---

    def _show_panes(self, rated: LatentResult) -> None:
        left = None
        if rated.rival is not None:
            words = tr("{format} · {size}", format=rated.request.rival, size=_size(rated, rated.rival.bytes))
            left = ReplacementImage(words, rated.rival.image)
        right = ReplacementImage(tr("Latent · {size}", size=_size(rated, len(rated.data))), rated.image)
        self._controller.show_instead(left, right)

    def _show_state(self) -> None:
        rated, request = self._rated, self._request()
        for widget in (self._slider, self._number, self._cleans, self._rivals):
            widget.setEnabled(request is not None)
        self.save.setEnabled(rated is not None)
        self._show_facts(rated)
        if self._missing is not None:
            self._state.setText(tr("The codec weights are missing. Photos can be denoised, but not encoded."))
        elif request is None:
            self._state.setText(tr("Open a photo to preview it as a latent file."))
        elif rated is not None:
            sample = tr("Estimated from the visible part. The whole photo is saved.") if rated.is_sample else ""
            self._state.setText(rated.rival_problem or sample)

    def _show_facts(self, rated: LatentResult | None) -> None:
        said = dict.fromkeys(self._facts, _NOTHING)
        self._saved.setText("")
        if rated is not None:
            size = rated.of_whole(len(rated.data))
            said["size"] = _size(rated, len(rated.data))
            said["bits"] = f"{rated.bits_per_pixel:.2f}"
            said["psnr"] = _NOTHING if rated.psnr is None else tr("{psnr} dB", psnr=f"{rated.psnr:.1f}")
            said["file"] = self._against_the_file(size)
            if (noisy := rated.of_whole(rated.noisy_bytes)) > size:
                share = round(100 * (1 - size / noisy))
                saved = in_bytes(noisy - size)
                self._saved.setText(tr("Denoising saves {size} ({share} %)", size=saved, share=share))
        for name, label in self._facts.items():
            label.setText(said[name])

    def _against_the_file(self, size: int) -> str:
        photo = self._controller.current
        picture = self._controller.picture(photo.key) if photo else None
        if picture is None or not picture.bytes_in_file:
            return _NOTHING
        times = picture.bytes_in_file / size
        return tr("{times} times smaller", times=f"{times:.1f}") if times >= 1 else tr("larger")


def _size(rated: LatentResult, count: int) -> str:
    """Size text, extrapolated to the whole photo."""
    size = in_bytes(rated.of_whole(count))
    return tr("about {size}", size=size) if rated.is_sample else size


def _write(path: Path, data: bytes) -> Path:
    with whole_file(path) as file:
        file.write(data)
    return path


def _name_filter() -> str:
    return f"{tr('Latent files')} (*{SUFFIX})"


def _value(parent: QWidget) -> QLabel:
    label = QLabel(_NOTHING, parent)
    label.setAlignment(Qt.AlignmentFlag.AlignRight)
    return label


def _ends(parent: QWidget, low: str, high: str) -> QHBoxLayout:
    row = QHBoxLayout()
    for words in (low, high):
        label = QLabel(words, parent)
        label.setProperty("role", "caption")
        row.addWidget(label)
        if words is low:
            row.addStretch()
    return row
