/** The tickets of an order on paper: A4 pages of three, to be cut or folded. Draws only; takes finished words. */
import { dirname, join } from 'node:path';
import PDFDocument from 'pdfkit';
import QRCode from 'qrcode';

export interface TicketsOnPaper {
  eventTitle: string;
  when: string;
  where: string;
  /** who makes the event, and how they are reached */
  organizer: string;
  reference: string;
  tickets: {
    typeName: string;
    holder: string;
    /** "1 of 3" */
    position: string;
    shortCode: string;
    /** what the square holds */
    code: string;
  }[];
}

const INK = '#211a17';
const MUTED = '#665a52';
const LINE = '#cfc2b2';
const ACCENT = '#99184a';

const PAGE = { width: 595.28, margin: 42 };
const TICKET = { width: PAGE.width - 2 * PAGE.margin, height: 222, gap: 22, stub: 168 };
const ON_A_PAGE = 3;

const TITLE_FONTS = [
  '@fontsource/newsreader/newsreader-latin-500',
  '@fontsource/newsreader/newsreader-latin-ext-500',
];
const SCRIPTS = ['latin', 'latin-ext', 'cyrillic', 'greek', 'vietnamese'];
const textFonts = (weight: number) =>
  SCRIPTS.map((script) => `@fontsource/source-sans-3/source-sans-3-${script}-${weight}`);

type Family = 'title' | 'text' | 'bold';
/** Each family is several files, one for each script; a letter is taken from the first file that has it. */
const FAMILIES: Record<Family, string[]> = {
  title: [...TITLE_FONTS, ...textFonts(600)],
  text: textFonts(400),
  bold: textFonts(600),
};

type Fonts = Record<Family, { name: string; has: (codePoint: number) => boolean }[]>;
type Doc = InstanceType<typeof PDFDocument>;

export async function drawTickets(paper: TicketsOnPaper): Promise<Buffer> {
  const doc = new PDFDocument({
    size: 'A4',
    margin: 0,
    autoFirstPage: false,
    info: { Title: `Tickets: ${paper.eventTitle}`, Creator: 'Foyer' },
    lang: 'en',
    displayTitle: true,
  });
  const chunks: Buffer[] = [];
  const whole = new Promise<Buffer>((done, fail) => {
    doc.on('data', (chunk: Buffer) => chunks.push(chunk));
    doc.on('end', () => done(Buffer.concat(chunks)));
    doc.on('error', fail);
  });
  const fonts = loadFonts(doc);
  paper.tickets.forEach((ticket, index) => {
    if (index % ON_A_PAGE === 0) startPage(doc, fonts, paper);
    const top = 84 + (index % ON_A_PAGE) * (TICKET.height + TICKET.gap);
    drawTicket(doc, fonts, paper, ticket, top);
  });
  doc.end();
  return whole;
}

function startPage(doc: Doc, fonts: Fonts, paper: TicketsOnPaper): void {
  doc.addPage();
  const at = { x: PAGE.margin, width: TICKET.width };
  write(doc, fonts, 'title', 'Foyer', { ...at, y: 40, size: 16, color: ACCENT });
  write(doc, fonts, 'text', `Order ${paper.reference}`, {
    ...at,
    y: 44,
    size: 10,
    color: MUTED,
    align: 'right',
  });
}

function drawTicket(
  doc: Doc,
  fonts: Fonts,
  paper: TicketsOnPaper,
  ticket: TicketsOnPaper['tickets'][number],
  top: number,
): void {
  const left = PAGE.margin;
  const tear = left + TICKET.width - TICKET.stub;
  doc.lineWidth(0.8).strokeColor(LINE).roundedRect(left, top, TICKET.width, TICKET.height, 6).stroke();
  doc
    .moveTo(tear, top + 8)
    .lineTo(tear, top + TICKET.height - 8)
    .dash(3, { space: 4 })
    .stroke()
    .undash();

  const x = left + 20;
  const width = tear - x - 18;
  write(doc, fonts, 'bold', `${ticket.typeName} · ${ticket.position}`, {
    x,
    y: top + 18,
    width,
    size: 10,
    color: ACCENT,
    height: 14,
  });
  write(doc, fonts, 'title', paper.eventTitle, { x, y: top + 36, width, size: 19, color: INK, height: 50 });
  const facts: [string, string, number][] = [
    ['When', paper.when, 27],
    ['Where', paper.where, 27],
    ['Name', ticket.holder, 14],
  ];
  let y = top + 96;
  for (const [term, text, height] of facts) {
    write(doc, fonts, 'text', term, { x, y, width: 44, size: 10, color: MUTED });
    write(doc, fonts, 'text', text, { x: x + 46, y, width: width - 46, size: 10, color: INK, height });
    y += height + 4;
  }
  write(doc, fonts, 'text', paper.organizer, {
    x,
    y: top + TICKET.height - 28,
    width,
    size: 8.5,
    color: MUTED,
    height: 22,
  });

  const side = 124;
  drawQr(doc, ticket.code, tear + (TICKET.stub - side) / 2, top + 28, side);
  write(doc, fonts, 'bold', ticket.shortCode, {
    x: tear,
    y: top + 28 + side + 12,
    width: TICKET.stub,
    size: 13,
    color: INK,
    align: 'center',
  });
  write(doc, fonts, 'text', 'Show this at the door', {
    x: tear,
    y: top + 28 + side + 32,
    width: TICKET.stub,
    size: 8.5,
    color: MUTED,
    align: 'center',
  });
}

function drawQr(doc: Doc, text: string, left: number, top: number, side: number): void {
  const { modules } = QRCode.create(text, { errorCorrectionLevel: 'M' });
  const dot = side / modules.size;
  doc.fillColor('#000000');
  for (let row = 0; row < modules.size; row += 1)
    for (let column = 0; column < modules.size; column += 1)
      if (modules.get(row, column)) doc.rect(left + column * dot, top + row * dot, dot, dot);
  doc.fill();
}

/** Writes text that may need several files of a family. `height` cuts with an ellipsis what does not fit. */
function write(
  doc: Doc,
  fonts: Fonts,
  family: Family,
  text: string,
  at: {
    x: number;
    y: number;
    width: number;
    size: number;
    color: string;
    align?: 'right' | 'center';
    height?: number;
  },
): void {
  doc.fillColor(at.color).fontSize(at.size);
  const runs = runsOf(text, fonts[family]);
  // several fonts in one paragraph can't be aligned by pdfkit: measured and placed by ourselves
  const width = runs.reduce((sum, run) => sum + doc.font(run.font).widthOfString(run.text), 0);
  const x =
    at.align === 'right'
      ? at.x + at.width - width
      : at.align === 'center'
        ? at.x + (at.width - width) / 2
        : at.x;
  runs.forEach((run, index) => {
    const options = {
      width: at.align ? undefined : at.width,
      lineBreak: at.align === undefined,
      continued: index < runs.length - 1,
      ...(at.height ? { height: at.height, ellipsis: true } : {}),
    };
    doc.font(run.font);
    if (index === 0) doc.text(run.text, x, at.y, options);
    else doc.text(run.text, options);
  });
}

/** Neighbouring letters of one file. What no file has is left out: a box in its place would say less. */
function runsOf(text: string, files: Fonts[Family]): { font: string; text: string }[] {
  const runs: { font: string; text: string }[] = [];
  for (const letter of text) {
    const last = runs.at(-1);
    const codePoint = letter.codePointAt(0)!;
    const file =
      files.find((candidate) => candidate.name === last?.font && candidate.has(codePoint)) ??
      files.find((candidate) => candidate.has(codePoint));
    if (!file) continue;
    if (last?.font === file.name) last.text += letter;
    else runs.push({ font: file.name, text: letter });
  }
  return runs.length > 0 ? runs : [{ font: files[0]!.name, text: '' }];
}

function loadFonts(doc: Doc): Fonts {
  const load = (family: Family) =>
    FAMILIES[family].map((path) => {
      const [scope, name, file] = path.split('/') as [string, string, string];
      const folder = dirname(require.resolve(`${scope}/${name}/package.json`));
      doc.registerFont(path, join(folder, 'files', `${file}-normal.woff`));
      doc.font(path);
      const { font } = (
        doc as unknown as { _font: { font: { hasGlyphForCodePoint(code: number): boolean } } }
      )._font;
      return { name: path, has: (codePoint: number) => font.hasGlyphForCodePoint(codePoint) };
    });
  return { title: load('title'), text: load('text'), bold: load('bold') };
}
