// Brings a person who sent a form with mistakes to the summary of them.
document.querySelector('[data-focus]')?.focus();
