import { Button, type CSSVariablesResolver, createTheme, Drawer, Menu, Modal, Popover, Tooltip } from "@mantine/core";
import { texts } from "./texts.js";

/** Ten steps of the brand's green, light to dark, as Mantine wants them. Pages use the tokens of styles/tokens.css. */
const LEAF = [
  "#eef6f0",
  "#d9eadf",
  "#b5d6c1",
  "#8dc0a0",
  "#69ac83",
  "#4c9a6c",
  "#38885a",
  "#2a7049",
  "#1f5738",
  "#143d27",
] as const;

/** Greys with a touch of the brand, so that what Mantine draws by itself sits among our surfaces. */
const GRAY = [
  "#f7f8f5",
  "#f0f2ec",
  "#e4e7dd",
  "#d5d9cd",
  "#bcc2b4",
  "#98a094",
  "#727b72",
  "#525b53",
  "#353c36",
  "#1b211d",
] as const;
const DARK = [
  "#d5dcd6",
  "#b4beb6",
  "#95a198",
  "#647169",
  "#3a443d",
  "#2a322d",
  "#1e2420",
  "#171c19",
  "#131815",
  "#0d110f",
] as const;

/** What opens over the page belongs to the page's `main`: those who go from landmark to landmark must not miss it. */
const IN_MAIN = { target: "#main" } as const;
/** A dialog's heading is no second banner of the page. */
const PLAIN_HEADER = { header: { role: "presentation" } } as const;
const CLOSE = { "aria-label": texts.close } as const;

export const theme = createTheme({
  primaryColor: "leaf",
  primaryShade: { light: 7, dark: 6 },
  colors: { leaf: LEAF, gray: GRAY, dark: DARK },
  fontFamily: "var(--lv-font)",
  fontFamilyMonospace: "var(--lv-mono)",
  headings: { fontFamily: "var(--lv-font)", fontWeight: "600" },
  fontSizes: { xs: "12px", sm: "13px", md: "14px", lg: "16px", xl: "18px" },
  radius: { xs: "3px", sm: "5px", md: "7px", lg: "10px", xl: "14px" },
  defaultRadius: "sm",
  cursorType: "pointer",
  respectReducedMotion: true,
  components: {
    Tooltip: Tooltip.extend({
      defaultProps: {
        openDelay: 250,
        withArrow: false,
        multiline: true,
        maw: 360,
        fz: "xs",
        events: { hover: true, focus: true, touch: true },
        portalProps: IN_MAIN,
      },
    }),
    Menu: Menu.extend({
      defaultProps: {
        shadow: "md",
        transitionProps: { duration: 80 },
        portalProps: IN_MAIN,
        // A menu may hold nothing but its items; the arrow keys find the first one without it.
        withInitialFocusPlaceholder: false,
      },
    }),
    Popover: Popover.extend({ defaultProps: { shadow: "md", transitionProps: { duration: 80 } } }),
    Modal: Modal.extend({
      defaultProps: {
        centered: true,
        transitionProps: { duration: 120 },
        overlayProps: { backgroundOpacity: 0.4 },
        attributes: PLAIN_HEADER,
        closeButtonProps: CLOSE,
      },
    }),
    Drawer: Drawer.extend({ defaultProps: { attributes: PLAIN_HEADER, closeButtonProps: CLOSE } }),
    Button: Button.extend({ defaultProps: { size: "sm" } }),
  },
});

/** Mantine's own surfaces and texts take our tokens, so that there is one palette. */
export const cssVariablesResolver: CSSVariablesResolver = () => {
  const shared = {
    "--mantine-color-body": "var(--lv-surface)",
    "--mantine-color-text": "var(--lv-text)",
    "--mantine-color-dimmed": "var(--lv-muted)",
    "--mantine-color-placeholder": "var(--lv-placeholder)",
    "--mantine-color-anchor": "var(--lv-accent)",
    "--mantine-color-default": "var(--lv-surface)",
    "--mantine-color-default-hover": "var(--lv-hover)",
    "--mantine-color-default-color": "var(--lv-text)",
    "--mantine-color-default-border": "var(--lv-border-strong)",
    "--mantine-color-error": "var(--lv-tone-bad)",
    "--mantine-color-disabled": "var(--lv-sunken)",
    "--mantine-color-disabled-color": "var(--lv-disabled)",
    "--mantine-color-disabled-border": "var(--lv-border)",
    "--mantine-color-gray-light-hover": "var(--lv-hover)",
    "--mantine-color-gray-light-color": "var(--lv-text-soft)",
    "--mantine-color-leaf-filled": "var(--lv-button)",
    "--mantine-color-leaf-filled-hover": "var(--lv-button-hover)",
    "--mantine-primary-color-filled": "var(--lv-button)",
    "--mantine-primary-color-filled-hover": "var(--lv-button-hover)",
    "--mantine-primary-color-contrast": "var(--lv-on-button)",
    "--mantine-color-leaf-light-color": "var(--lv-accent)",
    "--mantine-color-leaf-light-hover": "var(--lv-hover)",
    "--mantine-color-leaf-outline": "var(--lv-accent)",
    "--mantine-color-red-filled": "var(--lv-danger)",
    "--mantine-color-red-filled-hover": "var(--lv-danger-hover)",
    // The words of what is dangerous, in menus.
    "--mantine-color-red-6": "var(--lv-tone-bad)",
    "--mantine-color-red-light-color": "var(--lv-tone-bad)",
    "--mantine-color-red-light-hover": "var(--lv-tone-bad-soft)",
  };
  return { variables: {}, light: shared, dark: shared };
};
