"""A contact sheet as PDF: pages of A4, white, with text that can be selected and searched.

fpdf2 writes the file. Letters are drawn by Pillow as fine pictures, as on the PNG, because Blender's fonts are WOFF2,
which PDF programs do not know and Python cannot unpack without a library more; so every script looks the same in both.
Over them lies the same text unseen, as scanners do it, in a font without any shape that is made for the purpose: it
takes the marks of the mouse, and is what programs find and copy.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, NamedTuple

from . import contact
from .cards import Sheet
from .drawing import Colour, said
from .files import small, usual_shape
from .lettering import Lettering
from .marks import Box, Fill, Page, Picture, Text, Tone
from .writing import replaced

if TYPE_CHECKING:
    from fpdf import FPDF
    from PIL import Image

LIGHT: Mapping[Tone, Colour] = {
    Tone.PAPER: (255, 255, 255),
    Tone.FRAME: (238, 238, 239),
    Tone.RULE: (200, 200, 203),
    Tone.STRONG: (20, 20, 22),
    Tone.PLAIN: (52, 52, 56),
    Tone.FAINT: (112, 112, 118),
}
_LETTERS = 5.0  # pixels of letters to a point: 360 to the inch
_PICTURES = 3.0  # … of pictures: 216
_UNIT = 1000
_ADVANCE = 500  # of every sign of the unseen font


def sheet_to_pdf(sheet: Sheet, path: Path, fonts: Sequence[Path] = ()) -> None:
    """Write a contact sheet as PDF. `fonts` are folders of fonts to prefer. Raises OSError."""
    lettering = Lettering(fonts, _LETTERS)
    format = contact.for_paper(len(sheet.cards), usual_shape(sheet.cards))
    pages = contact.laid_out(sheet, format, lettering)
    paper = _Paper(pages, lettering)
    with replaced(path) as part:
        part.write_bytes(paper.written(sheet))


class _Small(NamedTuple):
    """A picture as it goes into the file; sizes in pixels."""

    width: int
    height: int
    jpeg: bytes


def _packed(picture: Image.Image) -> _Small:
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=88, subsampling=0)
    return _Small(*picture.size, file.getvalue())


class _Paper:
    def __init__(self, pages: Sequence[Page], lettering: Lettering) -> None:
        self.pages = pages
        self.lettering = lettering
        self._made: dict[int, _Small | str] = {}

    def written(self, sheet: Sheet) -> bytes:
        from fpdf import FPDF

        pdf = FPDF(unit="pt", format=(self.pages[0].width, self.pages[0].height))
        pdf.set_title(sheet.title)
        pdf.set_creator("ComfyUI Studio")
        pdf.set_auto_page_break(False)
        pdf.set_margin(0)
        texts = [self._texts(page) for page in self.pages]
        _add_unseen_font(pdf, (text.line.seen for page in texts for text in page))
        for page, lines in zip(self.pages, texts, strict=True):
            pdf.add_page()
            for mark in page.marks:
                self._put(pdf, mark)
            for text in lines:
                self._write(pdf, text)
        return bytes(pdf.output())

    def _texts(self, page: Page) -> list[Text]:
        """All lines of a page, also those in its empty frames."""
        found = []
        for mark in page.marks:
            if isinstance(mark, Text):
                found.append(mark)
            elif isinstance(mark, Picture):
                sentence = self._small(mark)
                if isinstance(sentence, str):
                    found += said(mark.box, mark.card, sentence, self.lettering)
        return found

    def _small(self, mark: Picture) -> _Small | str:
        """The picture of a card, opened once: what its frame says instead is known before its page is drawn."""
        if id(mark) not in self._made:
            found = small(mark.card, round(mark.box.width * _PICTURES), round(mark.box.height * _PICTURES))
            self._made[id(mark)] = found if isinstance(found, str) else _packed(found)
        return self._made[id(mark)]

    def _put(self, pdf: FPDF, mark: object) -> None:
        if isinstance(mark, Fill):
            _fill(pdf, mark.box, LIGHT[mark.tone])
        elif isinstance(mark, Picture):
            found = self._small(mark)
            if not isinstance(found, str):
                _place(pdf, mark.box, found)

    def _write(self, pdf: FPDF, text: Text) -> None:
        """The line as it is seen, and over it as it is found."""
        if not text.line.text:
            return
        self._draw(pdf, text)
        from fpdf.enums import TextMode

        with pdf.local_context(text_mode=TextMode.INVISIBLE):
            pdf.set_font(_FAMILY, size=text.size)
            natural = len(text.line.seen) * text.size * _ADVANCE / _UNIT
            pdf.set_stretching(100.0 * text.line.width / natural)
            pdf.text(text.x, text.baseline, text.line.seen)
            pdf.set_stretching(100.0)

    def _draw(self, pdf: FPDF, text: Text) -> None:
        from PIL import Image, ImageDraw

        above, below = text.size * 1.25, text.size * 0.5  # some scripts are higher than their size
        width = text.line.width + text.size
        size = (round(width * _LETTERS), round((above + below) * _LETTERS))
        letters = Image.new("L", size, 0)
        margin = text.size / 2
        self.lettering.write(ImageDraw.Draw(letters), margin * _LETTERS, above * _LETTERS, text.line, text.size, 255)
        inked = Image.new("RGB", size, LIGHT[text.tone])
        inked.putalpha(letters)
        pdf.image(inked, text.x - margin, text.baseline - above, size[0] / _LETTERS, size[1] / _LETTERS)


def _fill(pdf: FPDF, box: Box, colour: Colour) -> None:
    pdf.set_fill_color(*colour)
    pdf.rect(box.x, box.y, box.width, box.height, style="F")


def _place(pdf: FPDF, box: Box, picture: _Small) -> None:
    width, height = min(box.width, picture.width / _PICTURES), min(box.height, picture.height / _PICTURES)
    left, top = box.x + (box.width - width) / 2, box.y + (box.height - height) / 2
    pdf.image(io.BytesIO(picture.jpeg), left, top, width, height)


_FAMILY = "unseen"


def _add_unseen_font(pdf: FPDF, lines: Iterable[str]) -> None:
    """Give a file a font that has exactly the signs of these lines, all of them empty and equally wide."""
    codes = sorted({ord(character) for line in lines for character in line} | {32})
    with TemporaryDirectory() as folder:
        path = Path(folder) / "unseen.ttf"
        _unseen_font(codes).save(path)
        pdf.add_font(_FAMILY, "", path)


def _unseen_font(codes: Sequence[int]) -> Any:
    from fontTools.fontBuilder import FontBuilder
    from fontTools.ttLib.tables._g_l_y_f import Glyph

    names = [".notdef", *(f"u{code:04X}" for code in codes)]
    font = FontBuilder(_UNIT, isTTF=True)
    font.setupGlyphOrder(names)
    font.setupCharacterMap(dict(zip(codes, names[1:], strict=True)))
    font.setupGlyf({name: Glyph() for name in names})
    font.setupHorizontalMetrics(dict.fromkeys(names, (_ADVANCE, 0)))
    font.setupHorizontalHeader(ascent=800, descent=-200)
    font.setupNameTable({"familyName": "Unseen", "styleName": "Regular", "psName": "Unseen"})
    font.setupOS2(sTypoAscender=800, sTypoDescender=-200, usWinAscent=800, usWinDescent=200)
    font.setupPost()
    return font.font
