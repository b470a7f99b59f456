// One login for a client in another language: the task as JSON on standard input, the address that the browser was sent
// back to and what the consent page asked as JSON on standard output.

import { logIn } from './browser.mjs';

const task = JSON.parse(await new Response(process.stdin).text());
console.log(JSON.stringify(await logIn(task.url, task)));
process.exit(0);
