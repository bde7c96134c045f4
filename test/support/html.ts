/** As much of HTML as tests need to fill in our own forms and read our own pages. (jsdom can't be loaded inside jest.) */

export interface HtmlForm {
  action: string;
  method: string;
  /** inside `<main>`, so not the sign-out button of the header */
  inMain: boolean;
  /** what a browser would send of it as it stands, without any button */
  values: Record<string, string>;
}

/** Every form of a page, in order. */
export function formsOf(html: string): HtmlForm[] {
  const forms: HtmlForm[] = [];
  let inMain = false;
  let form: HtmlForm | null = null;
  let select: { name: string; value: string | null } | null = null;
  const tags = tagsOf(html);
  tags.forEach((tag, index) => {
    const { name, attributes } = tag;
    const field = attributes['name'];
    const disabled = 'disabled' in attributes;
    if (name === 'main') inMain = true;
    else if (name === '/main') inMain = false;
    else if (name === 'form')
      forms.push(
        (form = {
          action: attributes['action'] ?? '',
          method: attributes['method'] ?? 'get',
          inMain,
          values: {},
        }),
      );
    else if (name === '/form') form = null;
    else if (!form) return;
    else if (name === 'input' && field && !disabled) {
      const kind = attributes['type'] ?? 'text';
      const choosable = kind === 'checkbox' || kind === 'radio';
      if (['submit', 'button', 'image', 'reset'].includes(kind)) return;
      if (!choosable || 'checked' in attributes)
        form.values[field] = attributes['value'] ?? (choosable ? 'on' : '');
    } else if (name === 'textarea' && field && !disabled) {
      const end = tags[index + 1]?.start ?? html.length;
      form.values[field] = decodeEntities(html.slice(tag.end, end)).replace(/^\r?\n/, '');
    } else if (name === 'select' && field && !disabled) select = { name: field, value: null };
    else if (name === 'option' && select) {
      const value = attributes['value'] ?? '';
      if (select.value === null || 'selected' in attributes) select.value = value;
    } else if (name === '/select' && select) {
      if (select.value !== null) form.values[select.name] = select.value;
      select = null;
    }
  });
  return forms;
}

/** What a person reads on a page, in one line. */
export function textOfHtml(html: string): string {
  const body = html
    .replace(/^[\s\S]*?<body[^>]*>/i, '')
    .replace(/<(script|style|svg)\b[\s\S]*?<\/\1>/gi, ' ')
    .replace(/<\/?(?:b|strong|em|i|span|a)\b[^>]*>/gi, '')
    .replace(/<[^>]*>/g, ' ');
  return decodeEntities(body).replace(/\s+/g, ' ').trim();
}

interface Tag {
  /** lower case; an end tag begins with a slash */
  name: string;
  attributes: Record<string, string>;
  start: number;
  end: number;
}

function tagsOf(html: string): Tag[] {
  const withoutScripts = html.replace(/<(script|style)\b[\s\S]*?<\/\1>/gi, (text) => ' '.repeat(text.length));
  const pattern =
    /<(\/?[a-zA-Z][\w-]*)((?:\s+[^\s=>"'/]+(?:\s*=\s*(?:"[^"]*"|'[^']*'|[^\s>"']+))?)*)\s*\/?>/g;
  return [...withoutScripts.matchAll(pattern)].map((match) => ({
    name: match[1]!.toLowerCase(),
    attributes: attributesOf(match[2]!),
    start: match.index,
    end: match.index + match[0].length,
  }));
}

function attributesOf(text: string): Record<string, string> {
  const attributes: Record<string, string> = {};
  for (const [, name, , double, single, bare] of text.matchAll(
    /([^\s=>"'/]+)(\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s>"']+)))?/g,
  ))
    attributes[name!.toLowerCase()] = decodeEntities(double ?? single ?? bare ?? '');
  return attributes;
}

const ENTITIES: Record<string, string> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'", nbsp: ' ' };

function decodeEntities(text: string): string {
  return text.replace(/&(?:#(\d+)|#x([\da-f]+)|(\w+));/gi, (whole, decimal, hex, named) => {
    if (decimal) return String.fromCodePoint(Number(decimal));
    if (hex) return String.fromCodePoint(parseInt(hex, 16));
    return ENTITIES[String(named).toLowerCase()] ?? whole;
  });
}
