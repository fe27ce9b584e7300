/** How people deal with a busy machine: they wait, and do again what got lost. */

/** How long a state may take to come. */
export const PATIENCE_MS = 240_000;
const FIRST_LOOK_MS = 5_000;
/** From the end of a word to a place within its last letters. */
const INSIDE_PX = 12;

/** Does `act` until `sign` is seen, with ever longer looks; what it acts on may be drawn anew at that moment. */
export async function until(sign, act) {
  const end = Date.now() + PATIENCE_MS;
  for (let look = FIRST_LOOK_MS; ; look *= 2) {
    let failure;
    try {
      await act();
    } catch (error) {
      failure = error;
    }
    try {
      return await sign.first().waitFor({ timeout: look });
    } catch (error) {
      if (Date.now() > end || sign.page().isClosed()) {
        throw failure ?? error;
      }
    }
  }
}

/** Moves the pointer from elsewhere to the last letters of `word` until `sign` is seen. */
export const hover = (page, word, sign) =>
  until(sign, async () => {
    await page.mouse.move(1, 1);
    const { x, y, width, height } = await word.first().boundingBox();
    await page.mouse.move(x + Math.max(width - INSIDE_PX, width / 2), y + height / 2, { steps: 4 });
  });

/** Puts the cursor into a squiggle, and opens the list of quick fixes once one was tried and is preferred. */
export async function openFixes(page, squiggle, title) {
  // The bulb with a star, above the line or in the margin.
  const bulb = page.locator('.lightBulbWidget[class*="auto"], [class*="lightbulb"][class*="auto"]');
  await until(bulb, async () => {
    const { x, y, width, height } = await squiggle.first().boundingBox();
    await page.mouse.click(x + Math.min(INSIDE_PX, width / 2), y + height / 2);
  });
  const fix = page.locator('.action-widget .monaco-list-row', { hasText: title }).first();
  await until(fix, () => page.keyboard.press('Control+Period'));
  return fix;
}

/** Opens the palette of commands and chooses the one of that title. */
export async function command(page, title) {
  const input = page.locator('.quick-input-widget:visible input');
  await until(input, () => page.keyboard.press('F1'));
  await page.keyboard.type(title);
  await page.locator('.quick-input-list .monaco-list-row', { hasText: title }).first().click();
}
