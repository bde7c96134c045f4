/** An organizer's terms, refund policy and imprint, and the words about them: pure rules. */
import { createHash } from 'node:crypto';
import { descriptionHtml } from '../events/event-text';
import { paths } from '../paths';

/** Markdown; '' = none. */
export interface TermsTexts {
  terms: string;
  refundPolicy: string;
  imprint: string;
}

/** One version, as it was and stays. */
export interface OrganizerTerms extends TermsTexts {
  id: string;
  createdAt: Date;
}

export const NO_TEXTS: TermsTexts = { terms: '', refundPolicy: '', imprint: '' };

const PARTS = [
  { field: 'terms', id: 'terms', heading: 'Terms' },
  { field: 'refundPolicy', id: 'refund-policy', heading: 'Refund policy' },
  { field: 'imprint', id: 'imprint', heading: 'Imprint' },
] as const;

/** Names a version by what it says. */
export function hashOfTexts(texts: TermsTexts): string {
  const parts = PARTS.map(({ field }) => texts[field]);
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex');
}

export function saysNothing(texts: TermsTexts): boolean {
  return PARTS.every(({ field }) => texts[field] === '');
}

/** Each text that there is, as HTML for `<div class="prose">`. */
export function termsSections(texts: TermsTexts | null): { id: string; heading: string; html: string }[] {
  return PARTS.filter(({ field }) => texts?.[field]).map(({ field, id, heading }) => ({
    id,
    heading,
    html: descriptionHtml(texts![field]),
  }));
}

/** Where each text that there is can be read by everybody. */
export function termsLinks(
  slug: string,
  has: Record<keyof TermsTexts, boolean>,
): { href: string; label: string }[] {
  return PARTS.filter(({ field }) => has[field]).map(({ id, heading }) => ({
    href: `${paths.organizerTerms(slug)}#${id}`,
    label: heading,
  }));
}

/** "the terms and the refund policy of Analytical Society"; null where there is nothing to agree to. */
export function whatIsAgreed(texts: TermsTexts | null, organizerName: string): string | null {
  const names = [
    ...(texts?.terms ? ['the terms'] : []),
    ...(texts?.refundPolicy ? ['the refund policy'] : []),
  ];
  return names.length > 0 ? `${names.join(' and ')} of ${organizerName}` : null;
}
