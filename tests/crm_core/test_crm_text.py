import unicodedata

from crm_core.text import is_control


def test_control_characters_are_those_of_unicode_but_for_line_breaks_and_tabs():
    for code in range(0x110000):
        sign = chr(code)
        expected = unicodedata.category(sign) in ("Cc", "Cs") and sign not in "\n\t"
        assert is_control(sign) == expected, hex(code)
