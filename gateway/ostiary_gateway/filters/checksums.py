"""Check digits of numbers that people are known by: what tells them from any other digits."""

_DNI_LETTERS = "TRWAGMYFPDXBNJZSQVHLCKE"
_NIE_DIGITS = {"X": "0", "Y": "1", "Z": "2"}
_FISCAL_ODD = (1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23)
_CPF_DIGITS = 11
_LONGEST_DIGIT = 9


def luhn(digits: str) -> bool:
    """ISO/IEC 7812: payment cards."""
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit) * (1 + place % 2)
        total += value - _LONGEST_DIGIT if value > _LONGEST_DIGIT else value
    return total % 10 == 0


def iban(compact: str) -> bool:
    """ISO 13616: letters and digits without separators, in capitals."""
    turned = compact[4:] + compact[:4]
    return int("".join(str(int(letter, 36)) for letter in turned)) % 97 == 1


def dni(compact: str) -> bool:
    """Spain: eight digits, or X, Y, Z and seven, then a letter."""
    number = _NIE_DIGITS.get(compact[0], compact[0]) + compact[1:-1]
    return _DNI_LETTERS[int(number) % 23] == compact[-1]


def fiscal_code(compact: str) -> bool:
    """Italy: sixteen letters and digits in capitals."""
    values = [int(each, 36) - (10 if each.isalpha() else 0) for each in compact]
    total = sum(_FISCAL_ODD[value] if place % 2 == 0 else value for place, value in enumerate(values[:15]))
    return total % 26 == values[15]


def nir(compact: str) -> bool:
    """France: thirteen digits (2A and 2B for Corsica) and a key of two."""
    number = int(compact[:13].replace("2A", "19").replace("2B", "18"))
    return 97 - number % 97 == int(compact[13:])


def cpf(digits: str) -> bool:
    """Brazil: nine digits and two of check."""
    if len(set(digits)) == 1:
        return False
    return all(_cpf_digit(digits[:length]) == int(digits[length]) for length in range(9, _CPF_DIGITS))


def _cpf_digit(digits: str) -> int:
    total = sum(int(digit) * (len(digits) + 1 - place) for place, digit in enumerate(digits))
    return total * 10 % 11 % 10
