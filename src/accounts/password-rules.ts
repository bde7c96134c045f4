/**
 * What a password must be (NIST SP 800-63B section 5.1.1.2): long, not among the first that anybody tries, and not the
 * person's own name or address. No rules of composition: they make passwords worse.
 */

const SHORTEST = 10;
const LONGEST = 200;

/** The same password typed on another keyboard gives the same characters. */
export function normalizePassword(password: string): string {
  return password.normalize('NFKC');
}

/** Longer ones are not hashed at all: nobody may make us work by sending a book. */
export function isTooLongToHash(password: string): boolean {
  return password.length > 2 * LONGEST || [...normalizePassword(password)].length > LONGEST;
}

/** What to do about a new password, or null when it is fine. Lengths count code points. */
export function passwordProblem(password: string): string | null {
  if (password === '') return 'Enter a password';
  if (isTooLongToHash(password)) return `Use at most ${LONGEST} characters for your password`;
  if ([...normalizePassword(password)].length < SHORTEST)
    return `Use at least ${SHORTEST} characters for your password`;
  if (isAmongTheFirstTried(password))
    return 'This password is one of the first that others try. Choose another, such as a few words in a row';
  return null;
}

/** Is it the person's name, address or a part of that? Needs the other fields of the form, so it is asked apart. */
export function isOwnWord(password: string, { name, email }: { name: string; email: string }): boolean {
  const typed = plain(password);
  const [mailbox = '', domain = ''] = email.split('@');
  return [name, email, mailbox, domain, `${mailbox}${mailbox}`, `${name}${name}`].some(
    (own) => own !== '' && plain(own) === typed,
  );
}

function isAmongTheFirstTried(password: string): boolean {
  return [plain(password), plain(undress(password))].some((typed) => {
    const core = typed.replace(/^\d{1,4}|\d{1,4}$/g, '');
    return (
      isRun(typed) ||
      isRepetition(typed) ||
      COMMON.has(typed) ||
      COMMON.has(core) ||
      COMMON.has(undress(core, { digits: true }))
    );
  });
}

/** Without case, blanks and punctuation: "Pass-Word 123" is "password123". */
function plain(text: string): string {
  const letters = normalizePassword(text)
    .toLowerCase()
    .replace(/[\s\p{P}\p{S}]/gu, '');
  // one of nothing but signs is told apart by its signs
  return letters === '' ? normalizePassword(text) : letters;
}

/** "p@$$word" is "password", and with digits "p4ssw0rd" too. */
function undress(text: string, { digits = false } = {}): string {
  const disguises: Record<string, string> = digits
    ? { 0: 'o', 1: 'i', 3: 'e', 4: 'a', 5: 's', 7: 't' }
    : { '@': 'a', $: 's', '!': 'i' };
  return text.replace(/[@$!013457]/g, (sign) => disguises[sign] ?? sign);
}

const ROWS = [
  '01234567890123456789',
  '09876543210987654321',
  'abcdefghijklmnopqrstuvwxyz',
  'zyxwvutsrqponmlkjihgfedcba',
  'qwertyuiopasdfghjklzxcvbnm',
  'qwertzuiopasdfghjklyxcvbnm',
  'azertyuiopqsdfghjklmwxcvbn',
  '1q2w3e4r5t6y7u8i9o0p',
  '1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik9ol0p',
  'qazwsxedcrfvtgbyhnujmikolp',
];

/** A walk along the keyboard, the alphabet or the digits. */
function isRun(text: string): boolean {
  return ROWS.some((row) => row.includes(text)) || /^(.)\1*$/u.test(text);
}

/** A few characters over and over: "abcabcabcabc". */
function isRepetition(text: string): boolean {
  return /^(.{1,5})\1+.{0,4}$/u.test(text) && new Set(text).size <= 5;
}

/** Words that head every list of passwords found in the open, alone or with digits before or after. */
const COMMON = new Set(
  `password passwort passw0rd motdepasse contrasena changeme letmein letmeinplease opensesame welcome willkommen welcomehome
  administrator admin adminadmin root rootroot guest user username default defaultpassword test testtest testtesttest testing
  testpassword passwordpassword mypassword yourpassword thepassword newpassword oldpassword nopassword login access secret geheim
  iloveyou iloveme iloveu loveyou mylove mynameis sunshine princess butterfly chocolate flower tinkerbell superman batman
  starwars pokemon dragon monkey master shadow trustno michael jennifer jessica charlie football baseball basketball
  liverpool chelsea arsenal juventus barcelona realmadrid manchester computer internet samsung google facebook metallica
  slipknot nirvana whatever freedom nothing unknown hello hallo bonjour christmas january february march april june july august
  september october november december spring summer autumn winter qwerty qwertz azerty asdfgh asdfghjkl asdfjkl zxcvbnm qwerasdf
  qweasd qweasdzxc qazwsx zaqxsw zaqwsx azsxdcfv abc abcd abcde abcdef onetwothree onetwothreefour correcthorsebatterystaple
  foyer ticket tickets event events organizer`.split(/\s+/),
);
