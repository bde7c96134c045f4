import { z } from 'zod';
import { emailField, isWebAddress, optionalText, textField } from '../http/forms';

export const organizerForm = z
  .object({
    name: textField({ required: 'Enter the name of your organizer', max: 100 }),
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
