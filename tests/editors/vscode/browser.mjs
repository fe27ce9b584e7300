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
import { PATIENCE_MS } from './patience.mjs';

const { chromium } = createRequire(import.meta.url)(process.env.PLAYWRIGHT);
const [mode, url, script, options] = process.argv.slice(2);
/** Starts of the browser, which on a busy machine now and then crashes before it shows the first page. */
const STARTS = 3;

const open = async (prepare) => {
  for (let start = 1; ; start += 1) {
    const browser = await chromium.launch({
      executablePath: process.env.CHROMIUM,
      headless: true,
      timeout: PATIENCE_MS,
      args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--disable-dev-shm-usage', '--no-first-run',
        '--disable-background-networking', '--disable-component-update', '--disable-sync'],
    });
    try {
      const page = await (await browser.newContext({ viewport: { width: 1280, height: 800 } })).newPage();
      page.setDefaultTimeout(PATIENCE_MS);
      await prepare(page);
      await page.goto(url);
      await page.locator('.monaco-workbench, .jp-LabShell').first().waitFor();
      return { browser, page };
    } catch (error) {
      if (browser.isConnected() || start === STARTS) {
        throw error;
      }
      console.log(`The browser crashed at its start ${start}: ${error.message}`);
    }
  }
};

let done;
const exit = new Promise((resolve) => (done = resolve));
const { browser, page } = await open(async (fresh) => {
  if (mode === 'host') {
    // The workbench calls these two by itself when a payload names tests.
    await fresh.exposeFunction('codeAutomationLog', (type, args) => console.log(`[${type}]`, ...args));
    await fresh.exposeFunction('codeAutomationExit', (result) => done(result));
  }
});
let code = 1;
try {
  if (mode === 'host') {
    browser.on('disconnected', () => done(1));
    code = await exit;
  } else {
    const look = (await import(pathToFileURL(script).href)).default;
    const given = JSON.parse(options);
    try {
      await look(page, given);
      code = 0;
    } catch (error) {
      console.log(error.stack);
      if (browser.isConnected()) {
        await page.screenshot({ path: join(given.pictures, 'vscode-failure.png') });
      }
    }
  }
} finally {
  await browser.close();
}
process.exit(code);
