/**
 * An event's description: Markdown by people we don't know, shown on pages that others trust. No HTML, no pictures, no
 * tables (they need inline styles), links only to the web and to mail addresses, headings that fit below the page's own.
 */
import MarkdownIt, { type Token } from 'markdown-it';

const markdown = new MarkdownIt({ html: false, linkify: true, breaks: true, typographer: false });
markdown.disable(['image', 'table']);
// "ada.pm" in a sentence is a name more often than an address
markdown.linkify.set({ fuzzyLink: false, fuzzyEmail: false, fuzzyIP: false });
markdown.validateLink = (url) => /^(https?:\/\/|mailto:)/i.test(url.trim());

markdown.renderer.rules['link_open'] = (tokens, index, options, _env, renderer) => {
  tokens[index]!.attrSet('rel', 'nofollow noopener');
  return renderer.renderToken(tokens, index, options);
};

markdown.core.ruler.push('fit_headings', (state) => fitHeadings(state.tokens));

/** The description as HTML for `<div class="prose">`. */
export function descriptionHtml(text: string): string {
  return markdown.render(text);
}

/** The description as plain words on one line, cut at a word near `length`: for search engines and previews. */
export function descriptionText(text: string, length = 160): string {
  const words = markdown
    .parse(text, {})
    .filter((token) => token.type === 'inline')
    .flatMap((token) => token.children ?? [])
    .map((token) => (token.type === 'text' || token.type === 'code_inline' ? token.content : ' '))
    .join(' ')
    .replace(/\s+/g, ' ')
    .trim();
  if ([...words].length <= length) return words;
  const cut = [...words].slice(0, length).join('');
  return `${cut.slice(0, Math.max(cut.lastIndexOf(' '), 1)).trimEnd()}…`;
}

/** The page's own title is the h1: the text's first rank becomes h2, and no rank is left out on the way down. */
function fitHeadings(tokens: Token[]): void {
  const open: number[] = [];
  for (const token of tokens) {
    if (token.type !== 'heading_open' && token.type !== 'heading_close') continue;
    if (token.type === 'heading_open') {
      const rank = Number(token.tag.slice(1));
      while (open.length > 0 && open[open.length - 1]! >= rank) open.pop();
      open.push(rank);
    }
    token.tag = `h${Math.min(6, open.length + 1)}`;
  }
}
