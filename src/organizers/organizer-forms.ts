import { z } from 'zod';
import { emailField, isWebAddress, optionalText, textField } from '../http/forms';

export const organizerForm = z
  .object({
    name: textField({ required: 'Enter the name of your organizer', max: 100 }).refine(isVisible, {
      error: 'Enter the name of your organizer',
    }),
    contact_email: emailField('Enter an email address that buyers can write to'),
    website: optionalText({ max: 300 }).refine((text) => text === '' || isWebAddress(text), {
      error: 'Enter a web address that begins with https://, or leave this empty',
    }),
    next: z.string().optional(),
  })
  .transform(({ name, contact_email, website }) => ({
    name,
    contactEmail: contact_email,
    website: website === '' ? null : website,
  }));

const termsText = (max: number) => optionalText({ max, multiline: true });

/** What an organizer's buyers agree to. A post without a field leaves that text as it is. */
export const termsForm = z
  .object({
    terms: termsText(20_000),
    refund_policy: termsText(4000),
    imprint: termsText(2000),
  })
  .transform(({ terms, refund_policy, imprint }) => ({ terms, refundPolicy: refund_policy, imprint }));

/** Blanks and joiners of zero width alone would be a name that nobody sees. */
function isVisible(name: string): boolean {
  return /[\p{L}\p{N}\p{P}\p{S}]/u.test(name);
}
