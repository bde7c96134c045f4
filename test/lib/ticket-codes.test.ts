import { createTicketCodes } from '../../src/lib/ticket-codes';

const [OLD, NEW] = ['the-old-secret-of-this-test', 'the-new-secret-of-this-test'];
const TICKET = {
  id: '0193a5c0-0123-7456-89ab-cdef01234567',
  eventId: '0193a5c0-7654-7321-8fed-cba987654321',
};
const BASE64URL = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
const codes = createTicketCodes([NEW]);
const code = codes.sign(TICKET);

test('a code carries ticket and event, and fits into an address', () => {
  expect(code).toMatch(/^[A-Za-z0-9_-]{134}$/);
  expect(codes.verify(code)).toEqual(TICKET);
  expect(codes.sign(TICKET)).toBe(code); // a ticket has one code
});

test('a code is refused when any of its characters is another', () => {
  for (let place = 0; place < code.length; place += 1) {
    // every neighbour of the last characters, where some bits carry nothing; three of the others
    const others = place > 130 ? BASE64URL : 'Aq7_';
    for (const other of others.replace(code[place]!, ''))
      expect(codes.verify(code.slice(0, place) + other + code.slice(place + 1))).toBeNull();
  }
});

test.each([
  ['nothing', undefined],
  ['a list', [code]],
  ['empty', ''],
  ['cut short', code.slice(0, -1)],
  ['made longer', `${code}A`],
  ['a line longer', `${code}\n`],
  ['all zeros', 'A'.repeat(134)],
])('%s is no code', (_name, value) => {
  expect(codes.verify(value)).toBeNull();
});

test('a code of another server is refused, though it has the same shape', () => {
  expect(codes.verify(createTicketCodes([OLD]).sign(TICKET))).toBeNull();
});

test('codes printed before a rotation are good after it, and new ones have the new key', () => {
  const rotated = createTicketCodes([NEW, OLD]);
  expect(rotated.verify(createTicketCodes([OLD]).sign(TICKET))).toEqual(TICKET);
  expect(rotated.sign(TICKET)).toBe(code);
});
