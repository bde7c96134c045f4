/** Views of the extension as the Dashboard shows them: put on a page, read, pressed, taken off. */
import { type ReactElement, useState } from 'react';
import { render } from '@stripe/ui-extension-sdk/testing';

/** What the Dashboard offers to the frame, as far as the views use it: a new signature each time. */
export function atDashboard(sign: () => string): void {
  const call = {
    supportsFetchAppEmbeddedKey: () => Promise.resolve(false),
    fetchStripeSignature: () => Promise.resolve(sign()),
  };
  Object.assign(globalThis, { __StripeExtExports: { endpoint: { call } } });
}

/** Until nothing moves any more: requests go over (intercepted) HTTP, which takes some turns. */
export async function settled({ update }: { update: () => Promise<void> }) {
  for (let turn = 0; turn < 15; turn += 1) await update();
}

let goAway = () => {};

/** The SDK's `unmount` leaves React's effects running: this takes the view off the page. */
function Stage({ children }: { children: ReactElement }) {
  const [here, setHere] = useState(true);
  goAway = () => setHere(false);
  return here ? children : null;
}

export async function shown(element: ReactElement) {
  const page = render(<Stage>{element}</Stage>);
  await settled(page);
  return page;
}

/** Takes the view of this test away, with all that it is waiting for. */
export async function leave(): Promise<void> {
  goAway();
  await new Promise(setImmediate);
}

/** Looks until it is so; a test that waits in vain runs into its own end. */
export async function until(page: { update: () => Promise<void> }, isSo: () => boolean): Promise<void> {
  while (!isSo()) await page.update();
}

export interface Part {
  type: string | null;
  props: Record<string, unknown>;
  text: string;
}

/** All that is shown, in order. The SDK's `find` does not look into fragments: buttons of a banner, values of a list. */
export function parts(node: unknown): Part[] {
  if (typeof node !== 'object' || node === null) return [];
  const { type = null, props = {}, children = [] } = node as Partial<Part> & { children?: unknown[] };
  const fragments = Object.values(props).filter(
    (value) => typeof value === 'object' && value !== null && 'children' in value,
  );
  const inside = [...children, ...fragments].flatMap(parts);
  return type === null ? inside : [{ type, props, text: textOf(node) }, ...inside];
}

function textOf(node: unknown): string {
  if (typeof node === 'string') return node;
  if (typeof node !== 'object' || node === null) return '';
  if ('children' in node && Array.isArray(node.children)) return node.children.map(textOf).join('');
  return 'text' in node ? String(node.text) : '';
}

export function wordsOf(root: unknown): string {
  return parts(root)
    .flatMap(({ props, text }) => [text, ...Object.values(props).filter((v) => typeof v === 'string')])
    .join('\n');
}

export function press(root: unknown, label: string) {
  const button = parts(root).find(({ type, text }) => type === 'Button' && text === label);
  (button!.props.onPress as () => void)();
}
