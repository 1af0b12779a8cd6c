"""The places that there are: countries by continent (ISO 3166), states, and regions of several
countries. It is data alone; places.py reads it.
"""

from __future__ import annotations

# By continent: the two codes of a country, its name and what else it is called.
COUNTRIES = {
    "Europe": """
        AX ALA Aland Islands; AL ALB Albania; AD AND Andorra; AT AUT
        Austria/Österreich/Oesterreich/Autriche; BY BLR Belarus; BE BEL
        Belgium/Belgique/België/Belgien; BA BIH Bosnia and Herzegovina/Bosnia; BG BGR
        Bulgaria/Bulgarien/Bulgarie; HR HRV Croatia/Hrvatska; CY CYP Cyprus; CZ CZE Czechia/Czech
        Republic/Czech/Tschechien/Tchequie; DK DNK Denmark/Danmark/Dänemark/Dinamarca; EE EST
        Estonia/Estland; FO FRO Faroe Islands; FI FIN Finland/Suomi/Finnland/Finlande; FR FRA
        France/Frankreich/Francia; DE DEU Germany/Deutschland/Allemagne/Alemania/Germania/Alemanha;
        GI GIB Gibraltar; GR GRC Greece/Hellas/Griechenland; GG GGY Guernsey; HU HUN
        Hungary/Magyarország/Ungarn/Hongrie; IS ISL Iceland/Island/Islande; IE IRL Ireland/Republic
        of Ireland/Eire/Irland/Irlande/Irlanda; IM IMN Isle of Man; IT ITA
        Italy/Italia/Italien/Italie; JE JEY Jersey; XK XKX Kosovo; LV LVA Latvia/Lettland; LI LIE
        Liechtenstein; LT LTU Lithuania/Litauen; LU LUX Luxembourg; MT MLT Malta; MD MDA
        Moldova/Republic of Moldova; MC MCO Monaco; ME MNE Montenegro; NL NLD
        Netherlands/Holland/The Netherlands/Nederland/Niederlande/Pays-Bas/Países Bajos; MK MKD
        North Macedonia/Macedonia; NO NOR Norway/Norge/Norwegen/Norvège/Noruega; PL POL
        Poland/Polska/Polen/Pologne/Polonia; PT PRT Portugal; RO ROU Romania/Rumänien/Roumanie; RU
        RUS Russia/Russian Federation/Russland/Russie/Rusia; SM SMR San Marino; RS SRB Serbia; SK
        SVK Slovakia/Slovak Republic; SI SVN Slovenia; ES ESP Spain/España/Spanien/Espagne/Spagna;
        SJ SJM Svalbard and Jan Mayen; SE SWE Sweden/Sverige/Schweden/Suède/Suecia; CH CHE
        Switzerland/Schweiz/Suisse/Svizzera/Suiza; UA UKR Ukraine/Ukraina; GB GBR United
        Kingdom/UK/Great Britain/Britain/England/Scotland/Wales/Northern
        Ireland/Großbritannien/Vereinigtes Königreich/Royaume-Uni/Reino Unido; VA VAT
        Vatican/Vatican City/Holy See
    """,
    "Asia": """
        AF AFG Afghanistan; AM ARM Armenia; AZ AZE Azerbaijan; BH BHR Bahrain; BD BGD Bangladesh; BT
        BTN Bhutan; IO IOT British Indian Ocean Territory; BN BRN Brunei/Brunei Darussalam; KH KHM
        Cambodia; CN CHN China/People's Republic of China/Mainland China/PRC; CX CXR Christmas
        Island; CC CCK Cocos Islands; TL TLS East Timor/Timor-Leste; GE GEO Georgia; HK HKG Hong
        Kong/Hong Kong SAR; IN IND India/Bharat/Indien/Inde; ID IDN Indonesia; IR IRN Iran/Islamic
        Republic of Iran; IQ IRQ Iraq; IL ISR Israel; JP JPN Japan/Nippon/Japon; JO JOR Jordan; KZ
        KAZ Kazakhstan; KW KWT Kuwait; KG KGZ Kyrgyzstan; LA LAO Laos/Lao People's Democratic
        Republic/Lao PDR; LB LBN Lebanon; MO MAC Macau/Macao; MY MYS Malaysia; MV MDV Maldives; MN
        MNG Mongolia; MM MMR Myanmar/Burma; NP NPL Nepal; KP PRK North Korea/Democratic People's
        Republic of Korea/Korea North/DPRK; OM OMN Oman; PK PAK Pakistan; PS PSE Palestine/State of
        Palestine; PH PHL Philippines; QA QAT Qatar; SA SAU Saudi Arabia/Kingdom of Saudi
        Arabia/KSA; SG SGP Singapore/Singapur/Singapour; KR KOR South Korea/Korea/Republic of
        Korea/Korea South/ROK/S. Korea/Südkorea/Corée du Sud/Corea del Sur; LK LKA Sri Lanka; SY SYR
        Syria/Syrian Arab Republic; TW TWN Taiwan/Taiwan Province of China/Taïwan; TJ TJK
        Tajikistan; TH THA Thailand; TR TUR Turkey/Türkiye/Turkiye/Türkei/Turquie/Turquía; TM TKM
        Turkmenistan; AE ARE United Arab Emirates/UAE/Emirates; UZ UZB Uzbekistan; VN VNM
        Vietnam/Viet Nam; YE YEM Yemen
    """,
    "North America": """
        AI AIA Anguilla; AG ATG Antigua and Barbuda; AW ABW Aruba; BS BHS Bahamas; BB BRB Barbados;
        BZ BLZ Belize; BM BMU Bermuda; BQ BES Bonaire/Caribbean Netherlands; VG VGB British Virgin
        Islands/Virgin Islands British; CA CAN Canada/Kanada; KY CYM Cayman Islands; CR CRI Costa
        Rica; CU CUB Cuba; CW CUW Curacao; DM DMA Dominica; DO DOM Dominican Republic; SV SLV El
        Salvador; GL GRL Greenland; GD GRD Grenada; GP GLP Guadeloupe; GT GTM Guatemala; HT HTI
        Haiti; HN HND Honduras; JM JAM Jamaica; MQ MTQ Martinique; MX MEX
        Mexico/México/Mexiko/Mexique; MS MSR Montserrat; NI NIC Nicaragua; PA PAN Panama; PR PRI
        Puerto Rico; BL BLM Saint Barthelemy; KN KNA Saint Kitts and Nevis/St Kitts and Nevis; LC
        LCA Saint Lucia; MF MAF Saint Martin; PM SPM Saint Pierre and Miquelon; VC VCT Saint Vincent
        and the Grenadines; SX SXM Sint Maarten; TT TTO Trinidad and Tobago; TC TCA Turks and Caicos
        Islands; VI VIR US Virgin Islands/Virgin Islands US; US USA United States/USA/United States
        of America/U.S./U.S.A./Vereinigte Staaten/États-Unis/Estados Unidos/Stati Uniti/EE.UU./EEUU
    """,
    "South America": """
        AR ARG Argentina; BO BOL Bolivia/Plurinational State of Bolivia; BR BRA
        Brazil/Brasil/Brasilien/Brésil; CL CHL Chile; CO COL Colombia; EC ECU Ecuador; FK FLK
        Falkland Islands/Malvinas; GF GUF French Guiana; GY GUY Guyana; PY PRY Paraguay; PE PER
        Peru; SR SUR Suriname; UY URY Uruguay; VE VEN Venezuela/Bolivarian Republic of Venezuela
    """,
    "Africa": """
        DZ DZA Algeria; AO AGO Angola; BJ BEN Benin; BW BWA Botswana; BF BFA Burkina Faso; BI BDI
        Burundi; CM CMR Cameroon; CV CPV Cape Verde/Cabo Verde; CF CAF Central African Republic; TD
        TCD Chad; KM COM Comoros; CD COD DR Congo/Democratic Republic of the Congo/Congo-Kinshasa;
        DJ DJI Djibouti; EG EGY Egypt; GQ GNQ Equatorial Guinea; ER ERI Eritrea; SZ SWZ
        Eswatini/Swaziland; ET ETH Ethiopia; GA GAB Gabon; GM GMB Gambia; GH GHA Ghana; GN GIN
        Guinea; GW GNB Guinea-Bissau; CI CIV Ivory Coast/Côte d'Ivoire; KE KEN Kenya; LS LSO
        Lesotho; LR LBR Liberia; LY LBY Libya; MG MDG Madagascar; MW MWI Malawi; ML MLI Mali; MR MRT
        Mauritania; MU MUS Mauritius; YT MYT Mayotte; MA MAR Morocco; MZ MOZ Mozambique; NA NAM
        Namibia; NE NER Niger; NG NGA Nigeria; CG COG Republic of the Congo/Congo-Brazzaville; RE
        REU Reunion; RW RWA Rwanda; SH SHN Saint Helena; ST STP Sao Tome and Principe; SN SEN
        Senegal; SC SYC Seychelles; SL SLE Sierra Leone; SO SOM Somalia; ZA ZAF South Africa; SS SSD
        South Sudan; SD SDN Sudan; TZ TZA Tanzania/United Republic of Tanzania; TG TGO Togo; TN TUN
        Tunisia; UG UGA Uganda; EH ESH Western Sahara; ZM ZMB Zambia; ZW ZWE Zimbabwe
    """,
    "Oceania": """
        AS ASM American Samoa; AU AUS Australia/Australien/Australie; CK COK Cook Islands; FJ FJI
        Fiji; PF PYF French Polynesia; GU GUM Guam; KI KIR Kiribati; MH MHL Marshall Islands; FM FSM
        Micronesia/Federated States of Micronesia; NR NRU Nauru; NC NCL New Caledonia; NZ NZL New
        Zealand; NU NIU Niue; NF NFK Norfolk Island; MP MNP Northern Mariana Islands; PW PLW Palau;
        PG PNG Papua New Guinea; PN PCN Pitcairn; WS WSM Samoa; SB SLB Solomon Islands; TK TKL
        Tokelau; TO TON Tonga; TV TUV Tuvalu; VU VUT Vanuatu; WF WLF Wallis and Futuna
    """,
    "": """
        AQ ATA Antarctica; BV BVT Bouvet Island; TF ATF French Southern Territories; HM HMD Heard
        Island; GS SGS South Georgia; UM UMI United States Minor Outlying Islands
    """,
}

# Which countries a word means that is no continent. The official client's lists (docs/vast-api.md
# B.6) are the model of the continents, without what is odd in them: Australia and Argentina in
# Asia, Kazakhstan and Liechtenstein in two, RD, SUR, UR and VZ, which are no codes; and with what
# they lack, so that each country lies in one. Its EU is a part of Europe without Ireland; here it
# is the Union's 27 members, since whoever writes EU may mean their law.
REGIONS = {
    "EU/European Union": "AT BE BG CY CZ DE DK EE ES FI FR GR HR HU IE IT LT LU LV MT NL PL PT RO"
    " SE SI SK",
    "EEA/European Economic Area": "AT BE BG CY CZ DE DK EE ES FI FR GR HR HU IE IS IT LI LT LU LV"
    " MT NL NO PL PT RO SE SI SK",
    "Scandinavia": "DK NO SE",
    "Nordics/Nordic/Nordic countries": "DK FI IS NO SE",
    "Baltics/Baltic/Baltic states": "EE LT LV",
    "Benelux": "BE LU NL",
    "DACH": "AT CH DE",
    "Middle East": "AE BH EG IL IQ IR JO KW LB OM PS QA SA SY TR YE",
    "Central Asia": "KG KZ TJ TM UZ",
    "South Asia": "AF BD BT IN LK MV NP PK",
    "East Asia": "CN HK JP KP KR MN MO TW",
    "Southeast Asia/South East Asia": "BN ID KH LA MM MY PH SG TH TL VN",
    "Central America": "BZ CR GT HN NI PA SV",
    "Latin America/LATAM": "AR BO BR BZ CL CO CR CU DO EC GF GT GY HN HT MX NI PA PE PR PY SR SV UY"
    " VE",
}
ALSO = {
    "OC": "Oceania",
    "Americas": "North America/South America",
    "APAC": "Asia/Oceania",
    "Asia Pacific": "Asia/Oceania",
}

# Codes of countries that the official client's word for a region is too, and that region.
REGION_CODES = {
    "AF": "Africa",
    "AS": "Asia",
    "LC": "Latin America",
    "NA": "North America",
    "SA": "South America",
}
OTHER_CODES = {"UK": "GB", "EL": "GR"}

SEVERAL = {
    "georgia": 'a country, GE, and a state: "Georgia, US"',
    "congo": "two countries: CD and CG",
    "america": "US, North America or South America",
    "virgin islands": "VG or VI",
}

# Rows of machines in the United States begin with the state's name.
STATES = """
    AL Alabama; AK Alaska; AZ Arizona; AR Arkansas; CA California; CO Colorado; CT Connecticut; DE
    Delaware; DC District of Columbia; FL Florida; GA Georgia; HI Hawaii; ID Idaho; IL Illinois; IN
    Indiana; IA Iowa; KS Kansas; KY Kentucky; LA Louisiana; ME Maine; MD Maryland; MA Massachusetts;
    MI Michigan; MN Minnesota; MS Mississippi; MO Missouri; MT Montana; NE Nebraska; NV Nevada; NH
    New Hampshire; NJ New Jersey; NM New Mexico; NY New York; NC North Carolina; ND North Dakota; OH
    Ohio; OK Oklahoma; OR Oregon; PA Pennsylvania; RI Rhode Island; SC South Carolina; SD South
    Dakota; TN Tennessee; TX Texas; UT Utah; VT Vermont; VA Virginia; WA Washington; WV West
    Virginia; WI Wisconsin; WY Wyoming
"""
