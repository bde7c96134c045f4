// Loaded before anything else (`node --import`): this process believes that it is CLOCK_OFFSET_MS later than it is.
const offset = Number(process.env.CLOCK_OFFSET_MS ?? 0);
const RealDate = Date;
globalThis.Date = class Date extends RealDate {
  constructor(...args) {
    if (args.length === 0) super(RealDate.now() + offset);
    else super(...args);
  }
  static now() {
    return RealDate.now() + offset;
  }
};
