// A person at Chromium: logs in at the issuer, reads the consent page, agrees, and is sent back to the client.

import { chromium } from 'playwright-core';

/** Opens `url` and walks through login and consent until the browser is sent to `redirectUri`; gives that address. */
export async function logIn(url, { user, password, redirectUri, screenshots, name }) {
  const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM,
    args: ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--no-proxy-server'],
  });
  const page = await (await browser.newContext()).newPage();
  try {
    let back;
    const arrived = new Promise((resolve) => {
      page.on('request', (request) => {
        if (request.isNavigationRequest() && request.url().startsWith(redirectUri)) resolve((back = request.url()));
      });
    });
    // Nobody listens at the redirect address: the address itself is the answer.
    await page.route((address) => address.href.startsWith(redirectUri), (route) =>
      route.fulfill({ status: 200, contentType: 'text/plain', body: 'back at the client' }));
    // A page may want fonts from elsewhere; there is nothing but this machine and the issuer.
    const here = ['127.0.0.1', new URL(url).hostname];
    await page.route((address) => !here.includes(address.hostname), (route) => route.abort());
    await page.goto(url).catch((error) => {
      if (!back) throw error;
    });
    // An answer that needs no person comes at once.
    if (back) return { address: back, asked: '' };
    await page.locator('#username, input[name=login]').fill(user);
    await page.locator('[name=password]').fill(password);
    await shoot(page, screenshots, `${name}-login`);
    await page.locator('[name=password]').press('Enter');
    // Keycloak's page, the development provider's, and oidc-provider's.
    const asks = 'form:has([name=prompt][value=consent])';
    const consent = page.locator(`#kc-oauth, form[action="/consent"], ${asks}`);
    const outcome = await Promise.race([
      consent.waitFor().then(() => 'consent'),
      arrived.then(() => 'arrived'),
    ]);
    let asked = '';
    if (outcome === 'consent') {
      asked = await page.locator('body').innerText();
      await shoot(page, screenshots, `${name}-consent`);
      await page.locator(`[name=accept], [name=decision][value=allow], ${asks} button`).click();
    }
    return { address: await arrived, asked };
  } catch (error) {
    await shoot(page, screenshots, `${name}-failed`);
    throw error;
  } finally {
    await browser.close();
  }
}

async function shoot(page, folder, name) {
  if (folder) await page.screenshot({ path: `${folder}/${name}.png` });
}
