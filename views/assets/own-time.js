// Says when an event begins where the visitor is. Without it the line says how far the event's own time is from UTC.
for (const time of document.querySelectorAll('[data-own-time]')) {
  const begins = new Date(time.dateTime);
  const minutes = -begins.getTimezoneOffset();
  const hours = `${Math.floor(Math.abs(minutes) / 60)}${minutes % 60 ? `:${String(Math.abs(minutes % 60)).padStart(2, '0')}` : ''}`;
  const own = minutes === 0 ? 'UTC' : `UTC${minutes < 0 ? '-' : '+'}${hours}`;
  if (own === time.textContent) {
    time.textContent = 'The same as your time';
  } else {
    const day = begins.toLocaleDateString('en-GB', { weekday: 'short', day: 'numeric', month: 'short' });
    const hour = begins.toLocaleTimeString('en-GB', { hour: '2-digit', minute: '2-digit' });
    time.textContent = `${day.replace(',', '')}, ${hour} in your time`;
  }
}
