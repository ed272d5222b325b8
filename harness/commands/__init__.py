"""Commands that are more than a call: their options, what they print, how they end."""
