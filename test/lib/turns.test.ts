import { createTurns } from '../../src/lib/turns';

test('works of one key follow each other, even when one fails; others do not wait', async () => {
  const turns = createTurns();
  const seen: string[] = [];
  let finish = () => {};
  const first = turns.take('a', async () => {
    await new Promise<void>((done) => (finish = done));
    seen.push('first');
    throw new Error('failed');
  });
  const second = turns.take('a', async () => seen.push('second'));
  await turns.take('b', async () => seen.push('other'));
  expect(seen).toEqual(['other']);
  finish();
  await expect(first).rejects.toThrow('failed');
  expect(await second).toBe(3);
  expect(seen).toEqual(['other', 'first', 'second']);
});
