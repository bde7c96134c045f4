/** An act of an admin: a page that says what will happen, a form that asks why, and the deed itself. */
import { type Request, type Response } from 'express';
import { z } from 'zod';
import { type Form, parseForm, textField } from '../http/forms';
import { renderPage } from '../http/views';

export interface Act {
  heading: string;
  lead: string;
  back: { href: string; label: string };
  facts: { term: string; text: string }[];
  /** what will happen, one sentence each */
  consequences: string[];
  action: string;
  button: { label: string; kind: 'primary' | 'danger' };
  reasonHint: string;
  /** what the form carries on, such as the state that it leads to */
  hidden?: Record<string, string>;
}

const reasonForm = z.object({
  reason: textField({ required: 'Enter the reason', max: 500, multiline: true }),
});

export function showAct(req: Request, res: Response, act: Act, form: Form): void {
  const status = Object.keys(form.errors).length > 0 ? 422 : 200;
  renderPage(req, res, 'admin/act', { title: act.heading, layout: 'admin', status }, { act, form });
}

/** Why somebody does it; the audit log keeps it. */
export function readReason(req: Request) {
  return parseForm(reasonForm, req.body);
}
