/** Where an address lies, on OpenStreetMap's own page: a link that people may follow, nothing that our pages load. */
export function mapLink(address: string): string {
  return `https://www.openstreetmap.org/search?query=${encodeURIComponent(address.replaceAll(/\s*\n\s*/g, ', '))}`;
}
