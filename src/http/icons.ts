/** Foyer's own icons: strokes on a 20-pixel square, in the colour of the text around them. They never stand without words. */
const SHAPES = {
  check: '<path d="M4 10.8 8.2 15 16 5.8"/>',
  warning: '<path d="M10 3 18 16.5H2Z"/><path d="M10 8.2v3.6"/><path d="M10 14.1v.2"/>',
  error: '<circle cx="10" cy="10" r="7.25"/><path d="m7.3 7.3 5.4 5.4m0-5.4-5.4 5.4"/>',
  info: '<circle cx="10" cy="10" r="7.25"/><path d="M10 9.4v4.2"/><path d="M10 6.5v.2"/>',
  clock: '<circle cx="10" cy="10" r="7.25"/><path d="M10 5.8V10l2.8 1.9"/>',
  ticket:
    '<path d="M2.5 5.5h15v2.9a1.7 1.7 0 0 0 0 3.2v2.9h-15v-2.9a1.7 1.7 0 0 0 0-3.2Z"/><path d="M12.2 7.6v1.2m0 2.4v1.2"/>',
  calendar:
    '<rect x="3" y="4.2" width="14" height="12.8" rx="1.2"/><path d="M3 8.4h14M6.8 2.5v3.2m6.4-3.2v3.2"/>',
  place:
    '<path d="M10 17.8S4.2 12.4 4.2 8.1a5.8 5.8 0 0 1 11.6 0c0 4.3-5.8 9.7-5.8 9.7Z"/><circle cx="10" cy="8.1" r="2"/>',
  online: '<rect x="2.5" y="4" width="15" height="10" rx="1.2"/><path d="M7 17h6m-3-3v3"/>',
  mail: '<rect x="2.5" y="4.5" width="15" height="11" rx="1.2"/><path d="m3 6 7 5.2L17 6"/>',
  user: '<circle cx="10" cy="7" r="3.4"/><path d="M3.6 17c.6-3.4 3-5 6.4-5s5.8 1.6 6.4 5"/>',
  'arrow-right': '<path d="M3.5 10h13m-4.8-4.8L16.5 10l-4.8 4.8"/>',
  'arrow-left': '<path d="M16.5 10h-13m4.8-4.8L3.5 10l4.8 4.8"/>',
  external: '<path d="M11.5 3.5h5v5m0-5-7 7"/><path d="M14.5 11.5v5h-11v-11h5"/>',
  lock: '<rect x="4" y="9" width="12" height="8" rx="1.2"/><path d="M6.8 9V6.4a3.2 3.2 0 0 1 6.4 0V9"/>',
  plus: '<path d="M10 4v12M4 10h12"/>',
  trash: '<path d="M3.5 5.8h13M8 5.5v-2h4v2m3 .3-.7 11.2H5.7L5 5.8m3.6 3v5.2m2.8-5.2v5.2"/>',
  menu: '<path d="M3 5.5h14M3 10h14M3 14.5h14"/>',
  search: '<circle cx="8.8" cy="8.8" r="5.3"/><path d="m12.8 12.8 4.2 4.2"/>',
  download: '<path d="M10 3v9.5m-4-4 4 4 4-4M3.5 16.5h13"/>',
  home: '<path d="M3.5 17V9.6a6.5 6.5 0 0 1 13 0V17"/><path d="M7.7 17v-6.8a2.3 2.3 0 0 1 4.6 0V17"/><path d="M2 17h16"/>',
  money:
    '<rect x="2.5" y="5" width="15" height="10" rx="1.2"/><circle cx="10" cy="10" r="2.3"/><path d="M5.3 10h.2m9 0h.2"/>',
  scan: '<path d="M3 7V4.2A1.2 1.2 0 0 1 4.2 3H7m6 0h2.8A1.2 1.2 0 0 1 17 4.2V7m0 6v2.8a1.2 1.2 0 0 1-1.2 1.2H13m-6 0H4.2A1.2 1.2 0 0 1 3 15.8V13M3 10h14"/>',
  dot: '<circle cx="10" cy="10" r="4" fill="currentColor" stroke="none"/>',
} as const;

/** An inline SVG, hidden from screen readers. An unknown name is a mistake in a view: it throws, except in production. */
export function icon(name: string): string {
  if (!Object.hasOwn(SHAPES, name)) {
    if (process.env['NODE_ENV'] === 'production') return '';
    throw new Error(`There is no icon "${name}"`);
  }
  const shape = SHAPES[name as keyof typeof SHAPES];
  return `<svg class="icon" width="20" height="20" viewBox="0 0 20 20" fill="none" stroke="currentColor" stroke-width="1.6" stroke-linecap="round" stroke-linejoin="round" aria-hidden="true">${shape}</svg>`;
}
