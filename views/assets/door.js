// The door with a script: the camera reads codes, answers come without a new page, and counters stay true. Without it
// every form works by itself.
import QrScanner from './qr-scanner/qr-scanner.min.js';

const SAME_CODE_AGAIN_MS = 4000;
const COUNT_EVERY_MS = 5000;
const GIVE_UP_AFTER_MS = 20000;

const answerBox = document.querySelector('[data-door-answer]');
const camera = document.querySelector('[data-door-camera]');
const codeForm = document.querySelector('form[data-door-form]');
const here = location.pathname;

const ICONS = {
  good: '<path d="M4 10.8 8.2 15 16 5.8"/>',
  bad: '<circle cx="10" cy="10" r="7.25"/><path d="m7.3 7.3 5.4 5.4m0-5.4-5.4 5.4"/>',
  plain: '<circle cx="10" cy="10" r="7.25"/><path d="M10 9.4v4.2"/><path d="M10 6.5v.2"/>',
};

const paragraph = (className, text) => {
  const element = document.createElement('p');
  element.className = className;
  element.textContent = text;
  return element;
};

function show(answer) {
  const kind = answer.good ? 'good' : answer.outcome === 'undone' ? 'plain' : 'bad';
  const heading = paragraph('door-heading', '');
  heading.innerHTML = `<svg class="icon" width="20" height="20" viewBox="0 0 20 20" fill="none" stroke="currentColor" stroke-width="1.6" stroke-linecap="round" stroke-linejoin="round" aria-hidden="true">${ICONS[kind]}</svg><span></span>`;
  heading.lastElementChild.textContent = answer.heading;
  const parts = [heading];
  if (answer.name) parts.push(paragraph('door-name', answer.name), paragraph('door-detail', answer.detail));
  for (const line of answer.answers ?? []) parts.push(paragraph('door-detail', line));
  parts.push(paragraph('door-text', answer.text));
  if (answer.canTakeBack) parts.push(takeBackButton(answer.ticketId));
  answerBox.className = `door-answer door-${kind}`;
  answerBox.hidden = false;
  answerBox.replaceChildren(...parts);
  if (answer.counts) count(answer.counts);
  signal(kind);
}

function takeBackButton(ticketId) {
  const button = document.createElement('button');
  button.type = 'button';
  button.className = 'button button-secondary';
  button.textContent = 'Take this entry back';
  button.addEventListener('click', () => void send(`${here}/removal`, { ticket_id: ticketId }));
  return button;
}

function count({ inside, valid, types }) {
  document.querySelector('[data-inside]').textContent = inside;
  document.querySelector('[data-valid]').textContent = valid;
  const rows = document.querySelectorAll('[data-door-types] dd');
  types.forEach((type, index) => {
    if (rows[index]) rows[index].textContent = `${type.inside} of ${type.valid}`;
  });
}

/** One high tone for in, two low ones for out, and the same by vibration. */
let sound = null;
function signal(kind) {
  navigator.vibrate?.(kind === 'good' ? 80 : [200, 80, 200]);
  if (!sound || kind === 'plain') return;
  const tones =
    kind === 'good'
      ? [[880, 0]]
      : [
          [220, 0],
          [196, 0.22],
        ];
  for (const [frequency, at] of tones) {
    const tone = sound.createOscillator();
    const loudness = sound.createGain();
    tone.frequency.value = frequency;
    loudness.gain.setValueAtTime(0.2, sound.currentTime + at);
    loudness.gain.exponentialRampToValueAtTime(0.001, sound.currentTime + at + 0.18);
    tone.connect(loudness).connect(sound.destination);
    tone.start(sound.currentTime + at);
    tone.stop(sound.currentTime + at + 0.2);
  }
}

/** Sends what was scanned until somebody answers. The key stays the same, so that nobody is let in twice or turned away. */
async function send(address, fields) {
  const body = new URLSearchParams({
    ...fields,
    _csrf: document.querySelector('input[name="_csrf"]').value,
  });
  const until = Date.now() + GIVE_UP_AFTER_MS;
  for (;;) {
    try {
      const answer = await fetch(address, {
        method: 'POST',
        headers: { Accept: 'application/json' },
        body,
        signal: AbortSignal.timeout(5000),
      });
      if (answer.status >= 500) throw new Error('no answer yet');
      if (answer.redirected || !answer.headers.get('content-type')?.includes('json'))
        return show(failed('Sign in again', 'You were signed out. Open this page anew and sign in.'));
      const words = await answer.json();
      return show(answer.ok ? words : failed('Try again', words.message));
    } catch {
      if (Date.now() > until)
        return show(
          failed('No connection', 'Nothing came back for this ticket. Scan it again when you are online.'),
        );
      show(failed('No connection', 'Still trying this ticket.', 'plain'));
      await new Promise((done) => setTimeout(done, 1000));
    }
  }
}

const failed = (heading, text, outcome = 'failed') => ({
  outcome: outcome === 'plain' ? 'undone' : 'failed',
  good: false,
  heading,
  text,
  name: null,
  canTakeBack: false,
});

const newKey = () =>
  [...crypto.getRandomValues(new Uint8Array(16))]
    .map((byte) => byte.toString(16).padStart(2, '0'))
    .join('')
    .replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');

for (const form of document.querySelectorAll('form[data-door-form]')) {
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    const fields = Object.fromEntries([...new FormData(form)].filter(([name]) => name !== '_csrf'));
    const input = form.querySelector('[name="code"]');
    if (input && input.value.trim() === '') return input.focus();
    void send(here, { ...fields, request_key: newKey() });
    if (input) {
      input.value = '';
      input.focus();
    } else form.replaceWith(paragraph('small muted', 'Sent'));
  });
}

if (camera && codeForm) startable();

function startable() {
  const words = camera.querySelector('[data-door-camera-words]');
  const start = camera.querySelector('[data-door-start]');
  const view = camera.querySelector('[data-door-window]');
  if (!navigator.mediaDevices?.getUserMedia) return;
  camera.hidden = false;

  let last = { code: '', at: 0 };
  let busy = false;
  const scanner = new QrScanner(
    view.querySelector('video'),
    ({ data }) => {
      const now = Date.now();
      if (busy || (data === last.code && now - last.at < SAME_CODE_AGAIN_MS)) return;
      last = { code: data, at: now };
      busy = true;
      void send(here, { code: data.slice(0, 200), request_key: newKey() }).finally(() => {
        busy = false;
        last.at = Date.now();
      });
    },
    { preferredCamera: 'environment', maxScansPerSecond: 8, returnDetailedScanResult: true },
  );

  start.addEventListener('click', () => {
    sound ??= 'AudioContext' in window ? new AudioContext() : null;
    view.hidden = false;
    words.textContent = 'Starting the camera';
    scanner.start().then(
      () => {
        words.textContent = 'Hold the code of a ticket in front of the camera.';
        start.hidden = true;
      },
      () => {
        view.hidden = true;
        words.textContent =
          'The camera can not be used. Allow it for this page in your browser, or type the code below.';
      },
    );
  });
}

setInterval(() => {
  if (document.hidden) return;
  fetch(`${here}/counts`, { headers: { Accept: 'application/json' } })
    .then((answer) => (answer.ok && !answer.redirected ? answer.json().then(count) : null))
    .catch(() => {});
}, COUNT_EVERY_MS);
