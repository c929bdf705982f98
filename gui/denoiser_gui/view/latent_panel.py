"""The Latent tab: size and quality of a photo as a latent file, updated live."""

from __future__ import annotations

import dataclasses
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
from denoiser_gui.model.latent_texts import (
    FACTS,
    NONE,
    facts_of,
    pane_of,
    pane_of_rival,
    savings_of,
    smaller_of,
    time_of,
)
from denoiser_gui.model.notices import Notice, message_of
from denoiser_gui.model.requests import ReplacementImage
from denoiser_gui.qt import Qt, Signal
from denoiser_gui.translation import tr
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
_SIMILARITY = 0.98  # MS-SSIM that the field begins with


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
        self._savings, self._smaller = label(role="caption"), label(role="caption")
        self._smaller.setWordWrap(True)
        self._state = label(role="second")
        self._state.setWordWrap(True)
        self._facts = {name: label(NONE) for name in FACTS}
        self._rivals = segments(self._rival_buttons())
        self._rivals.setToolTip(tr("Compare with a JPEG or AVIF file of the same size"))
        self.save = button(tr("Save latent…"), "primary", pressed=self._ask_where)
        self.open = button(tr("Open latent…"), "quiet", pressed=self._ask_which)
        names = (
            tr("Size"),
            tr("Picture"),
            tr("Metadata"),
            tr("Bits per pixel"),
            tr("PSNR"),
            tr("MS-SSIM"),
            tr("Compared with source"),
        )
        facts = [_ends(label(name, "second"), fact) for name, fact in zip(names, self._facts.values(), strict=True)]
        self._make_targets()
        content = column(
            _ends(self._targets, self._numbers),
            self._slider,
            self._ends_of_scale,
            _ends(label(tr("Effort"), "second"), row(self._time, self._effort)),
            separator(),
            column(*facts, spacing=4),
            self._smaller,
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

    def _make_targets(self) -> None:
        """Quality or MS-SSIM as the target, and the effort."""
        self._by_quality, self._by_similarity = qt.QPushButton(tr("Quality")), qt.QPushButton(tr("MS-SSIM"))
        self._target = qt.QButtonGroup(self)
        for number, choice in enumerate((self._by_quality, self._by_similarity)):
            choice.setCheckable(True)
            choice.setChecked(number == 0)
            choice.setAccessibleName(choice.text())
            self._target.addButton(choice, number)
        self._by_similarity.setToolTip(tr("The smallest file with at least this MS-SSIM"))
        self._targets = segments([self._by_quality, self._by_similarity])
        self._similarity = NumberBox(0.5, 0.9999, decimals=4)
        self._similarity.setAccessibleName(tr("Minimum MS-SSIM"))
        self._similarity.set_amount(_SIMILARITY)
        self._numbers = qt.QStackedWidget()
        self._numbers.addWidget(self._number)
        self._numbers.addWidget(self._similarity)
        self._numbers.setSizePolicy(qt.QSizePolicy.Policy.Maximum, qt.QSizePolicy.Policy.Maximum)
        self._effort = NumberBox(1, 9)
        self._effort.setAccessibleName(tr("Effort"))
        self._effort.setToolTip(tr("Time spent on a smaller file of the same PSNR"))
        self._time = label(role="caption")
        low, high = label(tr("smallest file"), "caption"), label(tr("best quality"), "caption")
        self._ends_of_scale = qt.QWidget()
        self._ends_of_scale.setLayout(_ends(low, high))

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
        self._similarity.entered.connect(self._schedule)
        self._effort.entered.connect(self._schedule)
        self._target.idClicked.connect(self._choose_target)
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
        similarity = self._similarity.value() if self._by_similarity.isChecked() else 0.0
        level = 0.0 if similarity else level  # it measures against the noisy photo
        effort = round(self._effort.value())
        return LatentRequest(pyramid.image, self._slider.amount, level, rival, region, effort, similarity)

    def _choose_target(self, _number: int) -> None:
        by_similarity = self._by_similarity.isChecked()
        self._numbers.setCurrentIndex(1 if by_similarity else 0)
        self._slider.setVisible(not by_similarity)
        self._ends_of_scale.setVisible(not by_similarity)
        self._schedule()

    def _encode(self) -> None:
        request = self._request()
        if request is not None and self.isVisible():
            self._worker.cancel("measure")
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
            left = ReplacementImage(pane_of_rival(result), result.rival.image)
        self._controller.viewer.show_instead(left, ReplacementImage(pane_of(result), result.image))
        self._show_state()
        if result.ms_ssim is None:  # takes longer, so the photo is shown first
            job = lambda cancel: self._encoder.measured(result, cancel)  # noqa: E731
            self._worker.submit("measure", job, self._take_measured)

    def _take_measured(self, result: LatentResult) -> None:
        """Add what was measured to the result that is shown."""
        if self.result is None or self.result.data is not result.data or not self.isVisible():
            return
        self.result = result
        viewer = self._controller.viewer
        left, right = viewer.replacements
        if left is not None:
            left = dataclasses.replace(left, label=pane_of_rival(result))
        if right is not None:
            viewer.show_instead(left, dataclasses.replace(right, label=pane_of(result)))
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
        widgets = (self._slider, self._number, self._similarity, self._effort, self._targets, self._denoises)
        for widget in (*widgets, self._rivals):
            widget.setEnabled(request is not None)
        self._denoises.setEnabled(request is not None and not request.min_ms_ssim)
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
        pyramid = self._controller.current_pyramid
        texts = facts_of(result, pyramid.bytes_in_file if pyramid is not None else 0)
        for name, fact in self._facts.items():
            fact.setText(texts[name])
        self._savings.setText(savings_of(result))
        self._smaller.setText(smaller_of(result))
        self._smaller.setVisible(bool(self._smaller.text()))
        self._time.setText(time_of(result, self._request()))
        for each in (self._savings, self._smaller, *self._facts.values()):
            each.setEnabled(self.is_current)  # grey until the figures belong to what is chosen


def _open_filtered(dialog: qt.QFileDialog) -> None:
    dialog.setNameFilter(f"{tr('Latent files')} (*{SUFFIX})")
    dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    dialog.open()


def _ends(left: qt.QWidget, right: qt.QWidget | qt.QLayout) -> qt.QHBoxLayout:
    return row(left, STRETCH, right)
