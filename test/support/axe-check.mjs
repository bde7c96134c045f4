/**
 * axe-core over pages, in a process of its own, since jsdom can't be loaded inside jest. Reads `[{ name, html }]` from the
 * file that is named, prints `{ [name]: [what is wrong] }`. What needs a layout (contrast, sizes) is looked at in Chromium.
 */
import { readFileSync } from 'node:fs';
import axe from 'axe-core';
import { JSDOM } from 'jsdom';

const pages = JSON.parse(readFileSync(process.argv[2], 'utf8'));
// one window for all: axe-core is compiled once
const { window } = new JSDOM('', { runScripts: 'outside-only', url: 'http://127.0.0.1/' });
window.eval(axe.source);
styleByKindOfElement(window);
const problems = {};
for (const { name, html } of pages) problems[name] = await problemsOf(html);
console.log(JSON.stringify(problems));

/**
 * There is no stylesheet here but the browser's own, which goes by tag and a few attributes. jsdom matches all of it anew at
 * every call, which is half of the time.
 */
function styleByKindOfElement({ getComputedStyle }) {
  const known = new Map();
  window.getComputedStyle = (element, pseudo) => {
    const { localName, hidden, type } = element;
    const kind = [localName, hidden, type, element.getAttribute('style'), pseudo].join();
    if (!known.has(kind)) known.set(kind, getComputedStyle.call(window, element, pseudo));
    return known.get(kind);
  };
}

async function problemsOf(html) {
  window.document.open();
  window.document.write(html);
  window.document.close();
  // hundreds of options of one list are all alike, and take most of the time
  for (const option of window.document.querySelectorAll('option:nth-child(n + 6)')) option.remove();
  const { violations } = await window.axe.run(window.document, {
    runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'],
    rules: {
      'color-contrast': { enabled: false },
      'target-size': { enabled: false },
      // html-validate looks at it, and knows the one page that may
      'meta-refresh': { enabled: false },
    },
    resultTypes: ['violations'],
    elementRef: false,
  });
  return violations.flatMap(({ id, nodes }) => nodes.map((node) => `${id}: ${node.html.slice(0, 200)}`));
}
