"""The widgets of the main window and their layout."""

from __future__ import annotations

from denoiser_gui import qt
from denoiser_gui.controller import Controller
from denoiser_gui.saver import Saver
from denoiser_gui.settings_copier import SettingsCopier
from denoiser_gui.translation import tr
from denoiser_gui.view import icons, theme
from denoiser_gui.view.actions import Actions
from denoiser_gui.view.bars import StatusLine, TopBar
from denoiser_gui.view.batch_panel import BatchPanel
from denoiser_gui.view.denoise_panel import DenoisePanel
from denoiser_gui.view.drag_handle import DragHandle
from denoiser_gui.view.film_strip import FilmStrip
from denoiser_gui.view.latent_panel import LatentPanel
from denoiser_gui.view.mask_overlay import MaskOverlay
from denoiser_gui.view.mask_tools import MaskTools
from denoiser_gui.view.middle import Middle
from denoiser_gui.view.photo_opener import PhotoOpener
from denoiser_gui.view.widgets import column, row, styled


class WindowParts(qt.QMainWindow):
    """A window with all its parts, which are not connected yet."""

    def __init__(self, controller: Controller) -> None:
        super().__init__()
        self.controller, self.saver = controller, Saver(controller, self)
        self.copier = SettingsCopier(controller)
        self.setWindowTitle("denoise")
        self.setWindowIcon(icons.app_icon())
        self.setAcceptDrops(True)
        self.actions_ = Actions(self)
        self.recent = qt.QMenu(tr("Open recent"), self)
        self.photo_opener = PhotoOpener(controller, self)
        self.top = TopBar(self.actions_, self.recent)
        self.status = StatusLine()
        self.strip = FilmStrip(controller)
        self.middle = Middle(controller, self.actions_, self.strip)
        self.canvas, self.empty, self.error = self.middle.canvas, self.middle.empty, self.middle.error
        self.finder, self.toasts = self.middle.finder, self.middle.toasts
        self.mask_tools = MaskTools(controller, MaskOverlay(self.canvas, controller.viewer))
        self.batch = BatchPanel(controller, self.strip.thumbnails)
        self.panel, self.latent = DenoisePanel(controller), LatentPanel(controller)
        self.panel.below_save.addWidget(DragHandle(controller, self.saver))
        self._lay_out()

    def _lay_out(self) -> None:
        self.bottom = qt.QWidget()
        self.bottom.setLayout(column(self.batch, self.strip))
        left = column(self.middle, self.mask_tools, self.bottom)
        left.setStretchFactor(self.middle, 1)
        self.tabs = styled(qt.QTabWidget(), "panel")
        self.tabs.setFixedWidth(theme.PANEL)
        self.tabs.setDocumentMode(True)
        self.tabs.addTab(self.panel, tr("Denoise"))
        self.tabs.addTab(self.latent, tr("Latent"))
        body = row(left, self.tabs, spacing=0)
        body.setStretchFactor(left, 1)
        whole = column(self.top, body, self.status)
        whole.setStretchFactor(body, 1)
        centre = qt.QWidget()
        centre.setLayout(whole)
        self.setCentralWidget(centre)
