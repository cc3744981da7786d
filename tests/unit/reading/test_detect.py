"""Encodings that no mark proves: names of places in many languages, as suppliers write them."""

from __future__ import annotations

import pytest

from wharf.reading.detect import detect

PLACES = {
    "ja": "東京都 大阪府 北海道 ひたちなか市 さいたま市 トヨタ自動車 株式会社ナカムラ うどんとそば",
    "zh": "北京市 上海市 中华人民共和国 有限公司 广东省深圳市 客户名称 合同金额 备注 人民币",
    "zh-hant": "臺北市 高雄市 有限公司 客戶名稱 電話號碼 新竹縣 臺灣大學 備註 金額",
    "ko": "서울특별시 부산광역시 대한민국 주식회사 고객명 전화번호 경기도 수원시 합계금액",
    "ru": "Москва Санкт-Петербург Новосибирск Екатеринбург Нижний Новгород Казань Челябинск",
    "el": "Αθήνα Θεσσαλονίκη Πάτρα Ηράκλειο Λάρισα Βόλος Ιωάννινα Καβάλα Χανιά",
    "he": "ירושלים תל אביב חיפה ראשון לציון פתח תקווה אשדוד נתניה באר שבע",
    "ar": "القاهرة الإسكندرية الرياض بغداد دمشق الدار البيضاء الخرطوم تونس",
    "th": "กรุงเทพมหานคร เชียงใหม่ ขอนแก่น นครราชสีมา ภูเก็ต อุดรธานี",
    "pl": "Łódź Kraków Gdańsk Białystok Częstochowa Żywiec Świętochłowice Rzeszów Tarnów",
    "cs": "Plzeň České Budějovice Ústí nad Labem Hradec Králové Přerov Děčín Třebíč Jihlava",
    "hu": "Győr Kecskemét Székesfehérvár Pécs Hódmezővásárhely Békéscsaba Kőszeg Tűzoltó",
    "tr": "İstanbul Şanlıurfa Diyarbakır Eskişehir Kahramanmaraş Çorum Muğla Iğdır Ağrı",
    "lt": "Vilnius Šiauliai Panevėžys Mažeikiai Kėdainiai Telšiai Tauragė Visaginas Ukmergė",
    "de": "München Köln Düsseldorf Nürnberg Saarbrücken Lübeck Würzburg Straße Göttingen",
    "fr": "Orléans Besançon Saint-Étienne Nîmes Évreux Angoulême Périgueux Châlons Béziers",
}
WRITTEN = [
    ("ja", "shift_jis"), ("ja", "euc-jp"), ("zh", "gb18030"), ("zh-hant", "big5"), ("ko", "euc_kr"),
    ("ru", "cp1251"), ("ru", "koi8-r"), ("ru", "cp866"), ("ru", "iso-8859-5"), ("el", "cp1253"),
    ("el", "iso-8859-7"), ("he", "cp1255"), ("ar", "cp1256"), ("th", "cp874"), ("pl", "cp1250"),
    ("pl", "iso-8859-2"), ("cs", "cp1250"), ("hu", "cp1250"), ("tr", "cp1254"), ("lt", "cp1257"),
    ("de", "cp1252"), ("de", "cp850"), ("fr", "cp1252"), ("fr", "iso-8859-1"),
]  # fmt: skip


@pytest.mark.parametrize(("language", "encoding"), WRITTEN, ids=[f"{a} {b}" for a, b in WRITTEN])
def test_a_short_list_of_places_is_read_in_the_encoding_it_was_written_in(
    language: str, encoding: str
) -> None:
    places = PLACES[language].split()
    text = "\n".join(f"{number};{place};12,50" for number, place in enumerate(places))
    found = detect(text.encode(encoding))
    assert found is not None
    assert text.encode(encoding).decode(found.encoding) == text


def test_a_single_letter_is_western_and_not_certain() -> None:
    found = detect("Müller".encode("cp1252"))
    assert found is not None
    assert "Müller".encode("cp1252").decode(found.encoding) == "Müller"
