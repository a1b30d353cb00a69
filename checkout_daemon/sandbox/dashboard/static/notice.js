/** The line at the bottom: what an action did, or why it could not. */

const said = document.getElementById('said');
const failed = document.getElementById('failed');

/** Tell what an action did, or why it could not. */
export function say(text, wrong = false) {
  said.textContent = wrong ? '' : text;
  failed.textContent = wrong ? text : '';
  document.querySelector('[data-do="dismiss"]').hidden = !text;
}
