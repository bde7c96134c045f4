/** The frame of every page, and a template tag that escapes what is put in. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Response } from 'express';
import { formatMoney } from '../lib/money';

export interface Markup {
  markup: string;
}
type Part = Markup | string | number | null | undefined | false | Part[];

const STYLESHEET = join(
  __dirname.replace(/([\\/])dist([\\/]src[\\/]stripe-simulator)$/, '$2'),
  '../../views/stripe-simulator/simulator.css',
);

export function html(strings: TemplateStringsArray, ...parts: Part[]): Markup {
  return { markup: strings.reduce((text, string, index) => text + show(parts[index - 1]) + string) };
}

function show(part: Part): string {
  if (part === null || part === undefined || part === false) return '';
  if (Array.isArray(part)) return part.map(show).join('');
  return typeof part === 'object' ? part.markup : escape(String(part));
}

function escape(text: string): string {
  const entities: Record<string, string> = {
    '&': '&amp;',
    '<': '&lt;',
    '>': '&gt;',
    '"': '&quot;',
    "'": '&#39;',
  };
  return text.replace(/[&<>"']/g, (character) => entities[character]!);
}

export function readStylesheet(): string {
  return readFileSync(STYLESHEET, 'utf8');
}

export function sendPage(
  res: Response,
  page: { title: string; body: Markup; status?: number; back?: Markup },
): void {
  const whole = html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="robots" content="noindex" />
        <title>${page.title} · Stripe simulator</title>
        <link rel="stylesheet" href="/simulator.css" />
        <link rel="icon" href="data:," />
      </head>
      <body>
        <header class="top">
          <p><a href="/">Stripe simulator</a> <strong>No money moves here.</strong></p>
          ${page.back}
        </header>
        <main>${page.body}</main>
        <footer>
          <p>
            This stands in for Stripe on a developer's machine. It is not Stripe, and nothing on it is a real
            payment.
          </p>
        </footer>
      </body>
    </html>`;
  res.set('Cache-Control', 'no-store').set('Content-Security-Policy', "frame-ancestors 'none'");
  res
    .status(page.status ?? 200)
    .type('html')
    .send(whole.markup);
}

export function field(
  label: string,
  name: string,
  value: string,
  attributes: {
    id?: string;
    type?: string;
    hint?: string;
    error?: string | undefined;
    autocomplete?: string;
    inputmode?: string;
  } = {},
): Markup {
  const { id = name, type = 'text', hint, error, autocomplete = 'off', inputmode } = attributes;
  return html`<div class="field">
    <label for="${id}">${label}</label>
    ${hint && html`<p class="hint" id="${id}-hint">${hint}</p>`}
    ${error && html`<p class="error" id="${id}-error">${error}</p>`}
    <input
      id="${id}"
      name="${name}"
      type="${type}"
      value="${value}"
      autocomplete="${autocomplete}"
      ${inputmode && html`inputmode="${inputmode}"`}
      ${hint && html`aria-describedby="${id}-hint"`}
      ${error && html`aria-invalid="true" aria-errormessage="${id}-error"`}
    />
  </div>`;
}

export function notice(kind: 'error' | 'info', text: string | Markup): Markup {
  return html`<div class="notice ${kind}" role="${kind === 'error' ? 'alert' : 'status'}">
    <p>${text}</p>
  </div>`;
}

export function money(amount: number | null, currency: string | null): string {
  return formatMoney(BigInt(amount ?? 0), currency ?? 'usd');
}

export function dateTime(seconds: number): string {
  const format = {
    day: 'numeric',
    month: 'short',
    year: 'numeric',
    hour: '2-digit',
    minute: '2-digit',
  } as const;
  return `${new Intl.DateTimeFormat('en-GB', { ...format, timeZone: 'UTC' }).format(seconds * 1000)} UTC`;
}
