"""What a key may use, and how much of it is left: windows, periods, accounts. Pure."""
