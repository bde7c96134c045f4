import { z } from 'zod';
import { cleanText } from '../http/forms';
import { isUuid } from '../lib/ids';

const uuid = z.string().refine(isUuid, { error: 'Choose a ticket from the list' });

/** A scanned or typed code, or a ticket chosen from the list. `request_key`: the same for a request that is sent again. */
export const checkInForm = z
  .object({
    code: z
      .string()
      .optional()
      .transform((text) => cleanText(text ?? '')),
    ticket_id: uuid.optional(),
    request_key: uuid.optional(),
  })
  .refine((fields) => fields.ticket_id !== undefined || fields.code !== '', {
    error: 'Scan a ticket, or type its code',
    path: ['code'],
  })
  .refine((fields) => fields.code.length <= 200, { error: 'No ticket has a code this long', path: ['code'] })
  .transform((fields) => ({
    code: fields.code,
    ticketId: fields.ticket_id ?? null,
    requestKey: fields.request_key ?? null,
  }));

export const removalForm = z
  .object({ ticket_id: uuid })
  .transform((fields) => ({ ticketId: fields.ticket_id }));
