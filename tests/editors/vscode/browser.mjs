/**
 * Opens a workbench in headless Chromium.
 *   node browser.mjs host URL              runs the extension-host tests named in the URL's payload; exits with their code
 *   node browser.mjs look URL SCRIPT JSON  runs SCRIPT's default export with the page and the object in JSON, whose
 *                                          `pictures` is the folder for a picture of the page where it fails
 * PLAYWRIGHT is the folder of playwright-core, CHROMIUM the browser.
 */
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const { chromium } = createRequire(import.meta.url)(process.env.PLAYWRIGHT);
const [mode, url, script, options] = process.argv.slice(2);
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM,
  headless: true,
  args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
    '--disable-component-update', '--disable-sync'],
});
let code = 1;
try {
  const page = await (await browser.newContext({ viewport: { width: 1280, height: 800 } })).newPage();
  if (mode === 'host') {
    let done;
    const exit = new Promise((resolve) => (done = resolve));
    // The workbench calls these two by itself when a payload names tests.
    await page.exposeFunction('codeAutomationLog', (type, args) => console.log(`[${type}]`, ...args));
    await page.exposeFunction('codeAutomationExit', (result) => done(result));
    await page.goto(url);
    code = await exit;
  } else {
    await page.goto(url);
    const look = (await import(pathToFileURL(script).href)).default;
    const given = JSON.parse(options);
    try {
      await look(page, given);
      code = 0;
    } catch (error) {
      console.log(error.stack);
      await page.screenshot({ path: join(given.pictures, 'vscode-failure.png') });
    }
  }
} finally {
  await browser.close();
}
process.exit(code);
