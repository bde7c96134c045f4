/** For search engines: what there is (sitemaps.org, protocol 0.9), and what is nobody's business (RFC 9309). Pure. */
import { paths } from '../paths';
import { type SitemapEntry } from './public-events-store';

export function sitemap(
  baseUrl: string,
  { events, organizers }: { events: SitemapEntry[]; organizers: SitemapEntry[] },
): string {
  const urls = [
    `<url><loc>${xml(baseUrl + paths.home())}</loc></url>`,
    ...events.map((entry) => url(baseUrl + paths.event(entry.slug), entry.changedAt)),
    ...organizers.map((entry) => url(baseUrl + paths.organizerPage(entry.slug), entry.changedAt)),
  ];
  return `<?xml version="1.0" encoding="UTF-8"?>\n<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">\n${urls.join('\n')}\n</urlset>\n`;
}

export function robots(baseUrl: string): string {
  const closed = ['/orders/', '/tickets/', '/organizer', '/admin', '/account', '/stripe/'];
  return [
    'User-agent: *',
    ...closed.map((path) => `Disallow: ${path}`),
    '',
    `Sitemap: ${baseUrl}${paths.sitemap()}`,
    '',
  ].join('\n');
}

function url(address: string, changedAt: Date): string {
  return `<url><loc>${xml(address)}</loc><lastmod>${changedAt.toISOString()}</lastmod></url>`;
}

function xml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
}
