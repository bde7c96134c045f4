/** For mutation testing: the tests of pure rules alone, so that no database is started for each mutant. */
const whole = require('../../jest.config.js');

/** @type {import('jest').Config} */
module.exports = {
  testEnvironment: whole.testEnvironment,
  transform: whole.transform,
  setupFilesAfterEnv: whole.setupFilesAfterEnv,
  testTimeout: whole.testTimeout,
  rootDir: '../..',
  roots: ['<rootDir>/test'],
  testMatch: [
    '<rootDir>/test/checkout/{allocate,checkout-forms}.test.ts',
    '<rootDir>/test/orders/{order,order-words,decision}.test.ts',
    '<rootDir>/test/payments/{fees,refund,dispute,payout-preview}.test.ts',
    '<rootDir>/test/connect/{connection,status-card}.test.ts',
  ],
  maxWorkers: 1,
};
