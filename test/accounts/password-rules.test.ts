import { isOwnWord, passwordProblem } from '../../src/accounts/password-rules';

const ada = { name: 'Ada Byron', email: 'ada.byron@society.example' };

describe('a new password', () => {
  test.each([
    'four quiet words here',
    'xk7-mmw-2qpt',
    'ünïcödé wörds',
    '日本語のパスワードです。',
    '🌳🌊🔥🌙⭐🌸🍋🎻🚲🕯',
    'kdjfnvbwie',
    'a'.padEnd(150, 'lorem ipsum dolor sit amet '),
  ])('may be %s', (password) => {
    expect(passwordProblem(password)).toBeNull();
    expect(isOwnWord(password, ada)).toBe(false);
  });

  test.each([
    ['', 'Enter a password'],
    ['nine char', 'Use at least 10 characters for your password'],
    ['🌳🌊🔥🌙⭐🌸🍋🎻🚲', 'Use at least 10 characters for your password'],
    ['é'.repeat(201), 'Use at most 200 characters for your password'],
    // one character that Unicode unfolds into eighteen
    ['\ufdfa'.repeat(20), 'Use at most 200 characters for your password'],
  ])('has a length: %s', (password, problem) => {
    expect(passwordProblem(password)).toBe(problem);
  });

  test.each([
    'ada.byron@society.example',
    'ADA.BYRON@society.example',
    'Ada  Byron Ada Byron',
    'society.example',
  ])('is not the own name or address: %s', (password) => {
    expect(isOwnWord(password, ada)).toBe(true);
  });

  test.each([
    'password123',
    'Password-2026',
    'p4ssw0rd2026',
    'P@ssword 1234',
    '1234567890',
    '0987654321',
    '0000000000',
    'qwertyuiop',
    '1q2w3e4r5t',
    'abcdefghij',
    'abcabcabcabc',
    '1212121212',
    'iloveyou2026',
    'letmein1234',
    'correct horse battery staple',
    'ｐａｓｓｗｏｒｄ１２３',
    '..........',
  ])('is not one of the first that anybody tries: %s', (password) => {
    expect(passwordProblem(password)).toMatch(/^This password is one of the first/);
  });
});
