/**
 * The poster of an event without a cover: shapes, two hues and initials, drawn from the event's id and title alone, so
 * that it is the same on every page, in every process and in the share picture.
 *
 * What matters lies in the middle: 16:9, 1.9:1 and square crops of any size keep the initials whole.
 */

interface Palette {
  /** the ground */
  ground: string;
  /** the large form on it */
  form: string;
  /** the form's second tone, and the initials' colour where they lie on the ground */
  light: string;
}

const PALETTES: Palette[] = [
  { ground: '#8e1c4a', form: '#e7a08f', light: '#fbeee0' }, // raspberry and blush
  { ground: '#1d4a3d', form: '#dca544', light: '#f7ecd4' }, // bottle green and ochre
  { ground: '#1e2b4c', form: '#ef9f6d', light: '#fbeadb' }, // night blue and apricot
  { ground: '#46204a', form: '#df8aa1', light: '#fae9e6' }, // plum and rose
  { ground: '#a8472a', form: '#f0c690', light: '#fdf2e0' }, // terracotta and sand
  { ground: '#12505c', form: '#f0ab88', light: '#fbeee2' }, // petrol and peach
  { ground: '#5b2333', form: '#9db4a0', light: '#f3ede0' }, // wine and sage
  { ground: '#2c3a2b', form: '#cf6a6f', light: '#f5e9dc' }, // fir and coral
  { ground: '#33304f', form: '#b7a6d9', light: '#f4ecdf' }, // dusk and lilac
  { ground: '#6b3410', form: '#8fb3b0', light: '#faeedd' }, // chestnut and verdigris
];

interface Canvas extends Palette {
  width: number;
  height: number;
  /** half of the shorter side: the unit of every form */
  unit: number;
  /** the next number of the sequence, from `from` up to but without `to` */
  between: (from: number, to: number) => number;
}

/** The poster as a stand-alone SVG document. Pure: the same input gives the same text. */
export function posterSvg(options: { id: string; title: string; width?: number; height?: number }): string {
  const { id, width = 1200, height = 675 } = options;
  const title = xmlText(options.title);
  const next = sequence(hash(`${id}\n${options.title}`));
  const palette = pick(PALETTES, next());
  const { draw, letters } = pick(COMPOSITIONS, next());
  const unit = Math.min(width, height) / 2;
  const canvas: Canvas = {
    ...palette,
    width,
    height,
    unit,
    between: (from, to) => from + next() * (to - from),
  };
  return (
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" role="img">` +
    `<title>${escapeXml(title)}</title>` +
    `<rect width="${width}" height="${height}" fill="${palette.ground}"/>` +
    draw(canvas) +
    initialsOf(title, letters, canvas) +
    '</svg>'
  );
}

/** Where the initials' line stands, in units below the middle, and in which colour: always on a plain piece of ground. */
interface Letters {
  line: number;
  colour: 'light' | 'ground';
  size: number;
}

const LOW: Letters = { line: 0.78, colour: 'light', size: 0.7 };
const HIGH: Letters = { line: -0.32, colour: 'light', size: 0.7 };

const COMPOSITIONS: { draw: (canvas: Canvas) => string; letters: Letters }[] = [
  { draw: arches, letters: LOW },
  { draw: moon, letters: HIGH },
  { draw: rays, letters: { line: 0.89, colour: 'ground', size: 0.48 } },
  { draw: quarters, letters: LOW },
  { draw: curtain, letters: { line: 0.72, colour: 'light', size: 0.7 } },
  { draw: waves, letters: HIGH },
  { draw: rings, letters: LOW },
];

/** Doorways, one inside the other. */
function arches({ width, height, unit, form, light, ground, between }: Canvas): string {
  const outer = unit * between(0.78, 0.86);
  const centre = width / 2 + unit * 0.06 + outer;
  const top = height / 2 - unit * between(0.72, 0.8);
  return [form, ground, light, form]
    .map((colour, index) => {
      const r = outer * (1 - index * 0.24);
      return `<path d="M${at(centre - r)} ${height}V${at(top + outer)}a${at(r)} ${at(r)} 0 0 1 ${at(2 * r)} 0V${height}Z" fill="${colour}"/>`;
    })
    .join('');
}

/** A moon, full or new, over hills. */
function moon({ width, height, unit, ground, form, light, between }: Canvas): string {
  const r = unit * between(0.36, 0.44);
  const x = width / 2 + unit * between(0.5, 0.62);
  const y = height / 2 - unit * 0.36;
  const isNew = between(0, 1) < 0.5;
  const near = unit * between(1.6, 1.9);
  const far = unit * between(1.2, 1.5);
  return (
    circle(x, y, r, light) +
    (isNew ? circle(x - r * 0.42, y - r * 0.16, r * 0.86, ground) : '') +
    circle(width / 2 + unit * between(1.0, 1.3), height / 2 + unit * 0.12 + far, far, form) +
    circle(width / 2 - unit * between(0.5, 0.8), height / 2 + unit * 0.34 + near, near, light)
  );
}

/** Light from a lamp, in beams, over a stage. */
function rays({ width, height, unit, form, light, between }: Canvas): string {
  const x = width / 2 + unit * between(0.3, 0.5);
  const y = height / 2 + unit * 0.46;
  const reach = width + height;
  const beams = 11;
  const half = Math.PI / beams / 4;
  const parts = Array.from({ length: beams }, (_, index) => {
    const middle = Math.PI + ((index + 0.5) * Math.PI) / beams;
    const [from, to] = [middle - half, middle + half];
    return `<path d="M${at(x)} ${at(y)}L${at(x + reach * Math.cos(from))} ${at(y + reach * Math.sin(from))}L${at(x + reach * Math.cos(to))} ${at(y + reach * Math.sin(to))}Z" fill="${form}"/>`;
  });
  const r = unit * 0.42;
  return (
    parts.join('') +
    `<path d="M${at(x - r)} ${at(y)}a${at(r)} ${at(r)} 0 0 1 ${at(2 * r)} 0Z" fill="${light}"/>` +
    rect(0, y, width, height - y, form)
  );
}

/** Quarter circles on a grid, each turned its own way. */
function quarters({ width, height, unit, form, light, between }: Canvas): string {
  const side = unit * 0.5;
  const columns = Math.ceil(width / side / 2);
  const left = width / 2;
  const parts: string[] = [];
  for (let row = 0; row < Math.ceil(height / side); row += 1) {
    for (let column = 0; column < columns; column += 1) {
      const x = left + column * side;
      const y = row * side;
      const fill = between(0, 1) < 0.62 ? form : light;
      const turn = Math.floor(between(0, 5));
      if (turn === 4) parts.push(circle(x + side / 2, y + side / 2, side / 2, fill));
      else parts.push(quarter(x, y, side, turn, fill));
    }
  }
  return parts.join('');
}

function quarter(x: number, y: number, side: number, turn: number, fill: string): string {
  const corners = [
    [x, y],
    [x + side, y],
    [x + side, y + side],
    [x, y + side],
  ] as const;
  const [cornerX, cornerY] = corners[turn]!;
  const [fromX, fromY] = corners[(turn + 1) % 4]!;
  const [toX, toY] = corners[(turn + 3) % 4]!;
  return `<path d="M${at(cornerX)} ${at(cornerY)}L${at(fromX)} ${at(fromY)}A${at(side)} ${at(side)} 0 0 1 ${at(toX)} ${at(toY)}Z" fill="${fill}"/>`;
}

/** A curtain drawn to one side, over a stage; the initials stand on its boards. */
function curtain({ width, height, unit, form, light, ground, between }: Canvas): string {
  const opening = width / 2 + unit * between(0.04, 0.14);
  const boards = height / 2 + unit * 0.74;
  const folds = 7;
  const fold = (width - opening) / folds;
  const parts = Array.from({ length: folds }, (_, index) => {
    const x = opening + index * fold;
    const hem = boards + unit * 0.1 - unit * 0.05 * ((index * 3) % 4);
    return (
      `<path d="M${at(x)} 0V${at(hem - fold / 2)}a${at(fold / 2)} ${at(fold / 2)} 0 0 0 ${at(fold)} 0V0Z" fill="${form}"/>` +
      rect(x, 0, fold * 0.3, hem - fold / 2, ground, 0.22)
    );
  });
  return rect(0, boards, width, height - boards, light) + parts.join('');
}

/** Long waves, as of a sound or a lake. */
function waves({ width, height, unit, form, light, between }: Canvas): string {
  const length = unit * between(1.1, 1.5);
  const phase = between(0, length);
  return [form, light, form, light]
    .map((colour, index) => {
      const start = -phase - length * (1 + index * 0.25);
      const y = height / 2 + unit * (0.06 + index * 0.25);
      const swing = unit * (0.1 + 0.03 * index);
      let path = `M${at(start)} ${at(y)}`;
      for (let x = start; x < width + length; x += length)
        path += `q${at(length / 4)} ${at(-swing)} ${at(length / 2)} 0t${at(length / 2)} 0`;
      return `<path d="${path}V${height + unit}H${at(start)}Z" fill="${colour}"/>`;
    })
    .join('');
}

/** Rings of a record, cut by the edge. */
function rings({ width, height, unit, form, light, ground, between }: Canvas): string {
  const outer = unit * between(0.92, 1.05);
  const x = width / 2 + unit * 0.04 + outer;
  const y = height / 2 + unit * between(-0.12, 0.12);
  const colours = [form, ground, form, ground, light, ground];
  const sizes = [1, 0.83, 0.76, 0.56, 0.38, 0.1];
  return colours.map((colour, index) => circle(x, y, outer * sizes[index]!, colour)).join('');
}

/** The initials, in the left half of the middle square: every crop shows them. */
function initialsOf(title: string, place: Letters, canvas: Canvas): string {
  const text = initials(title);
  if (text === '') return '';
  const { width, height, unit } = canvas;
  const roomInUnits = 0.76;
  const breadth = [...text].reduce((sum, letter) => sum + breadthOf(letter), 0);
  const size = unit * Math.min(place.size, roomInUnits / breadth);
  return (
    `<text x="${at(width / 2 - unit * 0.86)}" y="${at(height / 2 + unit * place.line)}" font-family="Newsreader, Georgia, 'Times New Roman', serif"` +
    ` font-size="${at(size)}" font-weight="500" fill="${canvas[place.colour]}">${escapeXml(text)}</text>`
  );
}

/** Roughly how broad a capital is, in ems of a serif face. */
function breadthOf(letter: string): number {
  if (/[MWÆŒ]/.test(letter)) return 0.95;
  if (/[IJ1]/.test(letter)) return 0.4;
  return /[A-Z0-9À-Þ]/.test(letter) ? 0.72 : 1;
}

/** Up to two first letters of the words that carry the title. */
export function initials(title: string): string {
  const words = title.match(/[\p{L}\p{N}]+/gu) ?? [];
  const telling = words.filter((word) => !SMALL_WORDS.has(word.toLowerCase()));
  return (telling.length > 0 ? telling : words)
    .slice(0, 2)
    .map((word) => [...word][0]!.toLocaleUpperCase('en'))
    .join('');
}

const SMALL_WORDS = new Set(
  'a an and as at by for from in of on or the to with der die das den dem ein eine und mit im am von zu le la les un une et de du des el los las y en il lo gli e di'.split(
    ' ',
  ),
);

function circle(x: number, y: number, r: number, fill: string, opacity = 1): string {
  return `<circle cx="${at(x)}" cy="${at(y)}" r="${at(r)}" fill="${fill}"${opacity < 1 ? ` opacity="${opacity}"` : ''}/>`;
}

function rect(x: number, y: number, width: number, height: number, fill: string, opacity = 1): string {
  return `<rect x="${at(x)}" y="${at(y)}" width="${at(width)}" height="${at(height)}" fill="${fill}"${opacity < 1 ? ` opacity="${opacity}"` : ''}/>`;
}

function at(value: number): string {
  return String(Math.round(value * 10) / 10);
}

function pick<T>(choices: T[], fraction: number): T {
  return choices[Math.floor(fraction * choices.length)]!;
}

/** FNV-1a over UTF-16 units: short, and the same everywhere. */
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (let index = 0; index < text.length; index += 1) {
    value ^= text.charCodeAt(index);
    value = Math.imul(value, 0x01000193);
  }
  return value >>> 0;
}

/** A sequence of fractions from a seed (mulberry32). */
function sequence(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

/** Without what XML can't carry: control characters and lone surrogates make the whole picture unreadable. */
function xmlText(text: string): string {
  return Buffer.from(text)
    .toString()
    .replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\ufffe\uffff]/g, '');
}

function escapeXml(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');
}
