/** The line at the bottom, with the result of an action. */

const message = document.getElementById('message');
const failed = document.getElementById('failed');

/** Show what an action did, or why it failed. */
export function notify(text, wrong = false) {
  message.textContent = wrong ? '' : text;
  failed.textContent = wrong ? text : '';
  document.querySelector('[data-do="dismiss"]').hidden = !text;
}
