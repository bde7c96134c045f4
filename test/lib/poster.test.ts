import { initials, posterSvg } from '../../src/lib/poster';

interface Element {
  name: string;
  attributes: Record<string, string>;
  text: string;
}

/** Reads a document as strictly as a browser reads an SVG in an <img>: anything malformed throws. */
function parse(svg: string): Element[] {
  if (/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]|\p{Surrogate}/u.test(svg))
    throw new Error('a character that XML has no place for');
  if (/&(?!(amp|lt|gt|quot);)/.test(svg)) throw new Error('a bare ampersand');
  const elements: Element[] = [];
  const open: Element[] = [];
  const rest = svg.replace(
    /<(\/?)([a-z]+)((?: [a-z-]+="[^"<]*"| [a-zA-Z]+="[^"<]*")*)(\/?)>|([^<>]+)/g,
    (_all, closing: string, name: string, attributes: string, selfClosing: string, text?: string) => {
      if (text !== undefined) open.at(-1)!.text += unescape(text);
      else if (closing) {
        if (open.pop()!.name !== name) throw new Error(`</${name}> closes nothing`);
      } else {
        const element = { name, attributes: readAttributes(attributes), text: '' };
        elements.push(element);
        if (!selfClosing) open.push(element);
      }
      return '';
    },
  );
  if (rest !== '' || open.length > 0) throw new Error(`malformed: ${rest.slice(0, 40)}`);
  return elements;
}

function readAttributes(text: string): Record<string, string> {
  return Object.fromEntries(
    [...text.matchAll(/ ([a-zA-Z-]+)="([^"]*)"/g)].map(([, name, value]) => [name!, value!]),
  );
}

function unescape(text: string): string {
  return text
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&quot;', '"')
    .replaceAll('&amp;', '&');
}

const manyTitles = Array.from({ length: 60 }, (_, index) => ({
  id: `00000000-0000-4000-8000-${String(index).padStart(12, '0')}`,
  title: `Evening ${index}`,
}));

describe('the poster of an event', () => {
  it('is the same for the same event every time', () => {
    const event = { id: 'a1', title: 'Winter concert' };
    expect(posterSvg(event)).toBe(posterSvg({ ...event }));
  });

  it('differs by id and by title', () => {
    const poster = posterSvg({ id: 'a1', title: 'Winter concert' });
    expect(posterSvg({ id: 'a2', title: 'Winter concert' })).not.toBe(poster);
    expect(posterSvg({ id: 'a1', title: 'Summer concert' })).not.toBe(poster);
  });

  it('comes in several compositions and colours', () => {
    const posters = manyTitles.map(posterSvg);
    const grounds = new Set(
      posters.map((svg) => /<rect width="1200" height="675" fill="(#\w+)"/.exec(svg)![1]),
    );
    const shapes = new Set(posters.map((svg) => svg.replace(/[\d.-]+|#\w+|<title>.*<\/title>/g, '').length));
    expect(grounds.size).toBeGreaterThan(6);
    expect(shapes.size).toBeGreaterThan(6);
  });

  it('has the size that was asked for', () => {
    const root = parse(posterSvg({ id: 'a1', title: 'Winter concert', width: 1200, height: 630 }))[0]!;
    expect(root.attributes['viewBox']).toBe('0 0 1200 630');
    expect(root.attributes['width']).toBe('1200');
    expect(root.attributes['height']).toBe('630');
  });

  it('carries the title as text, whatever is in it', () => {
    const title = `</title><script>alert(1)</script> & "two" ]]>`;
    const elements = parse(posterSvg({ id: 'a1', title }));
    expect(elements.map((element) => element.name)).not.toContain('script');
    expect(elements.find((element) => element.name === 'title')!.text).toBe(title);
  });

  it.each([
    ['control characters', 'Night\u0000 of \u0008the\u001b owl'],
    ['a lone surrogate', 'Night \ud83c of the owl'],
    ['a surrogate as a first letter', '\ud83c\udfb7 Saxophone \udc00'],
    ['no letters', '— … —'],
    ['nothing', ''],
    ['marks', '<&>"\''],
  ])('stays a readable picture with %s in the title', (_what, title) => {
    expect(() => parse(posterSvg({ id: 'a1', title }))).not.toThrow();
  });

  it('is well-formed and finite in every composition, wide, square and tall', () => {
    for (const event of manyTitles) {
      for (const [width, height] of [
        [1200, 675],
        [600, 600],
        [400, 900],
      ] as const) {
        const svg = posterSvg({ ...event, width, height });
        expect(() => parse(svg)).not.toThrow();
        expect(svg).not.toMatch(/NaN|Infinity|undefined/);
      }
    }
  });

  it('draws no id and loads nothing, so that many can stand on one page', () => {
    for (const event of manyTitles) expect(posterSvg(event)).not.toMatch(/ id=|href|url\(|style=/);
  });

  it('keeps the initials inside the middle square of a wide poster', () => {
    for (const event of manyTitles) {
      const text = parse(posterSvg({ ...event, title: 'Midsummer Wonder' })).find(
        ({ name }) => name === 'text',
      )!;
      const x = Number(text.attributes['x']);
      const size = Number(text.attributes['font-size']);
      expect(x).toBeGreaterThan((1200 - 675) / 2);
      expect(x + 2 * 0.95 * size).toBeLessThan((1200 + 675) / 2);
    }
  });
});

describe('initials', () => {
  it.each([
    ['The Long Table', 'LT'],
    ['An evening of engines', 'EE'],
    ['Öffentliche Probe', 'ÖP'],
    ['The The', 'TT'],
    ['poetry', 'P'],
    ['42 years', '4Y'],
    ['<b>', 'B'],
    ['… —', ''],
  ])('of "%s" are "%s"', (title, expected) => {
    expect(initials(title)).toBe(expected);
  });
});
