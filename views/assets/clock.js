// Counts a hold down in words. Without it the page shows what was true when it was sent, and the hour it ends.
(() => {
  const words = (seconds) => {
    if (seconds >= 7200) return `${Math.floor(seconds / 3600)} hours`;
    const minutes = Math.floor(seconds / 60);
    if (minutes >= 1) return minutes === 1 ? '1 minute' : `${minutes} minutes`;
    return seconds === 1 ? '1 second' : `${seconds} seconds`;
  };

  for (const clock of document.querySelectorAll('[data-clock]')) {
    const shown = clock.querySelector('[data-clock-words]');
    if (!shown) continue;
    const line = clock.querySelector('[data-clock-line]');
    const voice = clock.querySelector('[data-clock-voice]');
    const given = Number(clock.dataset.secondsLeft);
    // counted from the page's arrival, so that a wrong clock on this device does not matter
    const arrived = performance.timeOrigin;
    const toSay = [300, 60].filter((mark) => mark < given);
    let last = '';

    const tick = () => {
      const left = Math.max(0, Math.ceil(given - (Date.now() - arrived) / 1000));
      if (left === 0) {
        line.textContent = 'Time is up: this hold has ended.';
        voice.textContent = line.textContent;
        clock.classList.add('clock-over');
        return;
      }
      const now = words(left);
      if (now !== last) shown.textContent = last = now;
      if (toSay.length > 0 && left <= toSay[0]) {
        toSay.shift();
        voice.textContent = `${now} left`;
      }
      clock.classList.toggle('clock-soon', left <= 60);
      setTimeout(tick, 1000);
    };
    tick();
  }
})();
