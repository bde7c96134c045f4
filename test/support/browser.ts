/** A browser without JavaScript, over real HTTP: a cookie jar for each site, redirects, meta refreshes, forms, buttons. */
import { formsOf, textOfHtml } from './html';

export interface BrowserPage {
  status: number;
  url: string;
  html: string;
  /** what a person reads, in one line */
  text: string;
  headers: Headers;
}

export type Browser = ReturnType<typeof createBrowser>;

const MOST_HOPS = 12;

export function createBrowser(headers: Record<string, string> = {}) {
  const jars = new Map<string, Map<string, string>>();
  const visited: string[] = [];

  async function request(
    method: 'GET' | 'POST',
    address: string,
    fields?: Record<string, string>,
  ): Promise<BrowserPage> {
    let url = new URL(address);
    let body = fields ? new URLSearchParams(fields).toString() : undefined;
    let verb = method;
    for (let hop = 0; hop < MOST_HOPS; hop += 1) {
      const jar = jars.get(url.host) ?? new Map<string, string>();
      jars.set(url.host, jar);
      visited.push(url.href);
      const answer = await fetch(url, {
        method: verb,
        redirect: 'manual',
        headers: {
          ...headers,
          Cookie: [...jar].map(([name, value]) => `${name}=${value}`).join('; '),
          ...(verb === 'POST'
            ? {
                'Content-Type': 'application/x-www-form-urlencoded',
                Origin: url.origin,
                'Sec-Fetch-Site': 'same-origin',
              }
            : {}),
        },
        body,
      });
      for (const cookie of answer.headers.getSetCookie()) keep(jar, cookie);
      const next = answer.headers.get('location');
      if (answer.status >= 300 && answer.status < 400 && next) {
        await answer.arrayBuffer();
        url = new URL(next, url);
        verb = 'GET';
        body = undefined;
        continue;
      }
      const html = await answer.text();
      return { status: answer.status, url: url.href, html, text: textOfHtml(html), headers: answer.headers };
    }
    throw new Error(`Too many redirects: ${visited.slice(-MOST_HOPS).join(' → ')}`);
  }

  return {
    /** Every address that was asked for, redirects too. */
    visited,
    open: (address: string) => request('GET', address),

    /** Sends a form of a page with what stands in it, changed by `fields`; `action` chooses the form, `submitTo` is a button's own address. */
    async submit(
      page: BrowserPage,
      fields: Record<string, string> = {},
      options: { action?: string | RegExp; submitTo?: string } = {},
    ): Promise<BrowserPage> {
      const forms = formsOf(page.html).filter((form) => form.method.toLowerCase() === 'post');
      const form =
        forms.find((candidate) =>
          options.action ? matches(candidate.action, options.action) : candidate.inMain,
        ) ?? (options.action ? undefined : forms[0]);
      if (!form) throw new Error(`No such form on ${page.url} (${page.status}): ${page.text.slice(0, 300)}`);
      return request('POST', new URL(options.submitTo ?? form.action, page.url).href, {
        ...form.values,
        ...fields,
      });
    },

    /** Follows a page that leads on by itself. */
    async followRefresh(page: BrowserPage): Promise<BrowserPage> {
      const target = /<meta http-equiv="refresh" content="\d+;\s*url=([^"]+)"/i.exec(page.html)?.[1];
      if (!target) throw new Error(`${page.url} does not lead on: ${page.text.slice(0, 300)}`);
      return request('GET', new URL(target.replaceAll('&amp;', '&'), page.url).href);
    },

    cookies: (host: string) => new Map(jars.get(host)),
    post: (address: string, fields: Record<string, string>) => request('POST', address, fields),
  };
}

function matches(action: string, wanted: string | RegExp): boolean {
  return typeof wanted === 'string' ? action === wanted : wanted.test(action);
}

function keep(jar: Map<string, string>, cookie: string): void {
  const [pair = '', ...attributes] = cookie.split(';');
  const name = pair.slice(0, pair.indexOf('=')).trim();
  const gone = attributes.some((attribute) => /^\s*(max-age=0|expires=Thu, 01 Jan 1970)/i.test(attribute));
  if (gone) jar.delete(name);
  else jar.set(name, pair.slice(pair.indexOf('=') + 1));
}
