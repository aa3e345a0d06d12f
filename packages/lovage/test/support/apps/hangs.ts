// Loads for ever, and not even its event loop turns.
for (;;);
