import { awaitsAnswer, disputeAddress, reasonInWords, stageOf } from '../../src/payments/dispute';

it.each([
  ['warning_needs_response', 'inquiry', true],
  ['warning_under_review', 'inquiry', false],
  ['warning_closed', 'closed', false],
  ['prevented', 'closed', false],
  ['needs_response', 'open', true],
  ['under_review', 'open', false],
  ['appeal_needs_response', 'open', true],
  ['won', 'won', false],
  ['lost', 'lost', false],
  ['a_word_of_tomorrow', 'open', false],
])('%s is %s', (status, stage, answerable) => {
  expect([stageOf(status), awaitsAnswer(status)]).toEqual([stage, answerable]);
});

it('a reason is half a sentence, and one that is new is its own word', () => {
  expect(reasonInWords('fraudulent')).toBe('the buyer says that they did not make this payment');
  expect(reasonInWords('not_seen_yet')).toBe('not seen yet');
  expect(reasonInWords('constructor')).toBe('constructor');
});

it('is answered in the Dashboard of the account and mode that was paid', () => {
  const dispute = { stripeDisputeId: 'du_1', account: 'acct_1', livemode: true };
  const real = { simulated: false, apiUrl: 'https://api.stripe.com' };
  expect(disputeAddress(dispute, real)).toBe('https://dashboard.stripe.com/disputes/du_1');
  expect(disputeAddress({ ...dispute, livemode: false }, real)).toBe(
    'https://dashboard.stripe.com/test/disputes/du_1',
  );
  expect(disputeAddress(dispute, { simulated: true, apiUrl: 'http://127.0.0.1:4' })).toBe(
    'http://127.0.0.1:4/dashboard/acct_1',
  );
});
