/** For mutation testing: the tests of pure rules alone, so that no database is started for each mutant. */
const { globalSetup: _setup, globalTeardown: _teardown, ...rest } = require('../../jest.config.js');

/** @type {import('jest').Config} */
module.exports = {
  ...rest,
  rootDir: '../..',
  testMatch: [
    '<rootDir>/test/checkout/{allocate,checkout-forms}.test.ts',
    '<rootDir>/test/orders/{order,order-words,decision}.test.ts',
    '<rootDir>/test/payments/{fees,refund,refund-words,dispute,payout-preview}.test.ts',
    '<rootDir>/test/connect/{connection,status-card}.test.ts',
  ],
  maxWorkers: 1,
};
