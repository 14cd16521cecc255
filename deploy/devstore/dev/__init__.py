"""The side entrance for programs: `/_dev/…`. Nothing here exists at Shopify. ../README.md documents every call."""
