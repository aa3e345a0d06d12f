#!/usr/bin/env node
// A file that is there before the build, so that npm links the command in a fresh checkout too.
import "../dist/cli/main.js";
