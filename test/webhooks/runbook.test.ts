import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { USED_EVENT_TYPES } from '../../src/webhooks/work-off-event';

const text = (path: string) => readFileSync(join(__dirname, '../..', path), 'utf8');

test('the runbook lists exactly the events that have a handler', () => {
  const list = /<!-- events:.*?-->\n(.*?)<!-- end of events -->/s.exec(
    text('docs/runbooks/stripe-platform.md'),
  )?.[1];
  const named = [...(list ?? '').matchAll(/^- `([\w.]+)`$/gm)].map((match) => match[1]);
  expect(named).toEqual(USED_EVENT_TYPES);
});

test('the README names them, too', () => {
  const readme = text('README.md');
  expect(USED_EVENT_TYPES.filter((type) => !readme.includes(`\`${type}\``))).toEqual([]);
});

test.each(['stripe-platform', 'stripe-app'])('every setting that the runbook %s names is one', (name) => {
  const named = [...text(`docs/runbooks/${name}.md`).matchAll(/`([A-Z]+(?:_[A-Z]+)+)[`=]/g)].map(
    (match) => match[1]!,
  );
  expect(named.length).toBeGreaterThan(5);
  const settings = text('.env.example');
  expect(named.filter((name) => !new RegExp(`^#? ?${name}=`, 'm').test(settings))).toEqual([]);
});
