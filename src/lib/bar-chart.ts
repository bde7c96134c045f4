/** Quiet bars as an inline SVG, labelled directly; the same numbers stand in a table beside it. Pure. */

export interface Bar {
  /** under the bar; '' leaves it unlabelled */
  label: string;
  value: number;
}

const WIDTH = 720;
const HEIGHT = 200;
const SPACE = { left: 44, right: 4, top: 14, bottom: 26 };

/** Vertical bars over a scale of round numbers. `title` says what is seen to those who can't. */
export function barChart(bars: Bar[], title: string): string {
  const top = roundUp(Math.max(1, ...bars.map((bar) => bar.value)));
  const plot = {
    width: WIDTH - SPACE.left - SPACE.right,
    height: HEIGHT - SPACE.top - SPACE.bottom,
  };
  const step = plot.width / Math.max(1, bars.length);
  const thick = Math.max(1, Math.min(28, step * 0.7));
  const y = (value: number) => SPACE.top + plot.height * (1 - value / top);
  const lines = [0, top / 2, top]
    .filter((value) => Number.isInteger(value))
    .map(
      (value) =>
        `<line x1="${SPACE.left}" x2="${WIDTH - SPACE.right}" y1="${fixed(y(value))}" y2="${fixed(y(value))}"/>` +
        `<text x="${SPACE.left - 8}" y="${fixed(y(value) + 4)}" text-anchor="end">${value.toLocaleString('en-IE')}</text>`,
    );
  const drawn = bars.map((bar, index) => {
    const middle = SPACE.left + step * (index + 0.5);
    const height = plot.height * (bar.value / top);
    const rect =
      bar.value > 0
        ? `<rect x="${fixed(middle - thick / 2)}" y="${fixed(y(bar.value))}" width="${fixed(thick)}" height="${fixed(Math.max(1, height))}"/>`
        : '';
    return bar.label === ''
      ? rect
      : `${rect}<text x="${fixed(middle)}" y="${HEIGHT - 8}" text-anchor="middle">${escaped(bar.label)}</text>`;
  });
  return `<svg class="chart" viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${escaped(title)}">${lines.join('')}${drawn.join('')}</svg>`;
}

/** The next number of 1, 2 or 5 times a power of ten that has an even half: 7 → 10, 23 → 50, 3 → 4. */
export function roundUp(value: number): number {
  if (value <= 2) return 2;
  if (value <= 4) return 4;
  const power = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 5, 10]
    .map((times) => times * power)
    .find((candidate) => candidate >= value && candidate % 2 === 0)!;
}

function fixed(value: number): string {
  return Number(value.toFixed(1)).toString();
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;');
}
