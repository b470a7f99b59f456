// The official TypeScript client of the end-to-end tests, where names under `localhost` are this machine.

import './localhost.mjs';
import './typescript.mjs';
